"""The dead-letter queues, and what can be done with their messages."""
