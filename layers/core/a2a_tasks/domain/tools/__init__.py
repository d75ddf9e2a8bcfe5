"""The tools of agents: their names, their definitions as the model sees them, and their limits."""
