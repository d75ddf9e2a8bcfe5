"""A2A 0.3, translated to and from 1.0."""
