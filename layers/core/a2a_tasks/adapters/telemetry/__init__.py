"""What functions tell operators: logs and metrics, by Powertools or printed, and spans where tracing is on."""
