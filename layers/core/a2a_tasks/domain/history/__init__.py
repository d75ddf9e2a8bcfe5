"""What happened to a task: its events, the steps of its records, and its course as told from both."""
