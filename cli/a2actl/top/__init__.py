"""Live view of a deployment."""
