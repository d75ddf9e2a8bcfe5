"""Workspaces in a directory of the worker."""
