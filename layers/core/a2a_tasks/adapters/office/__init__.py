"""Texts of Office files, read in a process of their own."""

NO_MEMORY = 3
"""Exit status of the process that reads a file."""
