"""Who may do what, and how often: API keys, rates, projects."""
