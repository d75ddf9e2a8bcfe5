"""The model on Anthropic's Messages API."""
