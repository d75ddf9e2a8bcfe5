"""The stack that a command works on, in AWS or on this machine."""
