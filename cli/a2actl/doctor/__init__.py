"""Checks of a deployment: its resources, and optionally a task through it."""
