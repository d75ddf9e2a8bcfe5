"""The whole bill of a deployment: `python -m bench bill`."""
