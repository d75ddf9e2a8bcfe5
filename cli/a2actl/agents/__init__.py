"""Agents: `a2actl agents`."""
