"""Functions as they are built and started for a measurement."""
