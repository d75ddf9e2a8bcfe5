"""The checks, one for each part of the deployment."""
