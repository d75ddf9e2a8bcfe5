"""Concurrency limits of agents and conversations, and the order of waiting tasks."""
