"""Calls of the model: the conversation as it is shown, the pace of calls, and what comes of a reply."""
