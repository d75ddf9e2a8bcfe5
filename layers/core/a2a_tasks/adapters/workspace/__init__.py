"""Workspaces in a folder of the worker."""
