"""What one worker process does for all its tasks: its lease, its invocations, and which tasks it takes."""
