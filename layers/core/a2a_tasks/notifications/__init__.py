"""Fan-out of task changes to the queues of those who are notified."""
