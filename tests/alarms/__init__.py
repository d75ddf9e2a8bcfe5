"""The template's alarms on made-up metrics: whether they ring, and when."""
