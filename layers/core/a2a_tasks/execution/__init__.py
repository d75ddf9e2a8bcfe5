"""The worker: leases, the agent loop, and what follows when work stops."""
