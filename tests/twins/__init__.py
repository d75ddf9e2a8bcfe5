"""In-memory twins of the ports, held to the adapters' semantics by one contract suite."""
