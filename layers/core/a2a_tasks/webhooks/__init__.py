"""Push configurations, and the delivery of notifications to their receivers."""
