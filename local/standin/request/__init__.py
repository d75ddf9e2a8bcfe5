"""Validation of requests to the Messages API."""
