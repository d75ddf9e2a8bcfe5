"""What keeps the promise when a process has died: the sweeper, dead letters, clean-up."""
