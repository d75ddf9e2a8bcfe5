"""What operators are told: logs and metrics, by Powertools or printed, and spans where tracing is on."""
