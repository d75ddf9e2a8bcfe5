"""The documentation as a website, and what is checked of it."""
