"""A task's life apart from its execution: submission, queries, payloads, and its end."""
