"""What is answered, whole and as a stream."""
