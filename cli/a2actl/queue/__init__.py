"""The queues of tasks: `a2actl queue`."""
