"""The dead-letter queues: what could not be processed, and what becomes of it."""
