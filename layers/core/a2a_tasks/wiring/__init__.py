"""Wiring of services and adapters from a function's environment, shared by several functions."""
