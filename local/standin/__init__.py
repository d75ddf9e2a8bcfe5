"""A stand-in for the Claude Messages API, for use without an API key."""
