"""From a callback to a task, or to an answer at once."""
