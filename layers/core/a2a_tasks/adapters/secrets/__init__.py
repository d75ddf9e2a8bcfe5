"""Secrets in Secrets Manager, and secrets that are stored encrypted."""
