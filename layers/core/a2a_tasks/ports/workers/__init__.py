"""Worker processes: their leases, the list of those that take tasks directly, and limits that are near."""
