"""Traces of tasks: what callers send, what is recorded, and under which ids."""
