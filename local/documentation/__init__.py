"""The documentation as a website, and the checks of it."""
