"""A stand-in for the Claude Messages API: what answers where there is no API key."""
