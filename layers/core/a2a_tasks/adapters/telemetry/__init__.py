"""Logs and metrics of functions: by Powertools, or printed where importing it would take too long."""
