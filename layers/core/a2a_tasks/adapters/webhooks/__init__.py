"""HTTP requests to receivers of notifications, and signing secrets."""
