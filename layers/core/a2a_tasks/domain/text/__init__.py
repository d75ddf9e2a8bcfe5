"""Rules about texts and JSON from outside."""
