"""Deleting what a deployment keeps of one person, conversation or task."""
