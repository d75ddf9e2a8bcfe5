"""The batch lane: tasks that wait for the Message Batches API at half the price."""
