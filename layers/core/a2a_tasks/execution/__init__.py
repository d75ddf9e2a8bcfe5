"""The worker: leases, the agent loop, tools, and what follows when execution stops."""
