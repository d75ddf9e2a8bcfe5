"""Recovery after crashes: the sweeper, dead letters, clean-up."""
