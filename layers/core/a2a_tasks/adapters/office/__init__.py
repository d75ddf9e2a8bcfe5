"""Texts of Office files, read in a process of their own."""
