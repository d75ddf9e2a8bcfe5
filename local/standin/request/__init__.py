"""What a request to the Messages API must be."""
