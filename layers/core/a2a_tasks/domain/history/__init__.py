"""History of a task: its events, the steps of its records, and the timeline that is derived from both."""
