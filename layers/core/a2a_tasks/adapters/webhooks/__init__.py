"""The way to receivers of notifications, and the secrets that sign."""
