"""A2A 0.3, as another form of 1.0."""
