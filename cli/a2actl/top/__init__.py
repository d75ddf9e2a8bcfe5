"""A deployment at this moment, for who watches it."""
