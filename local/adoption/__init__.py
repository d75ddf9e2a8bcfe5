"""Restored or retained storage in place of the stack's own: `make adopt`."""
