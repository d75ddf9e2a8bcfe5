"""Faults of AWS on the wire, between the functions and the emulator."""
