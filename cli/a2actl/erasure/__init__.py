"""Deletion of the data of a person, a conversation or a task."""
