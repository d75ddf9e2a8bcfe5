"""Authentication, rate limits and budgets."""
