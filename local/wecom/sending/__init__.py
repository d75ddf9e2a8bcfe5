"""WeCom's API for sending."""
