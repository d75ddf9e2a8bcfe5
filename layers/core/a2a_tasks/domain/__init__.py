"""Pure rules: no clock, no randomness, no I/O; those come in by argument."""
