"""A task's life apart from its work: submission, queries, payloads, and its end."""
