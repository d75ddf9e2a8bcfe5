"""The routes, by subject. What they do is in ``a2a_tasks``."""
