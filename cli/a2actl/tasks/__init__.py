"""Tasks, as a caller of the API."""
