"""Webhooks: `a2actl webhooks`."""
