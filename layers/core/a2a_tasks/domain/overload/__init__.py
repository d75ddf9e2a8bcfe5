"""What follows when a model is overloaded: retries, a pace for all workers, fallback to another model."""
