"""How many tasks of an agent run at a time, and whose turn is next."""
