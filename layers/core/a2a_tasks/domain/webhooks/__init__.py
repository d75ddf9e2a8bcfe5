"""Rules of notifications: configurations, receivers' addresses, signatures, retries."""
