"""From a change of a task to the queues of those who are told."""
