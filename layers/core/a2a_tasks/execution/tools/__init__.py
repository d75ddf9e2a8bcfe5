"""Tools that run in the worker."""
