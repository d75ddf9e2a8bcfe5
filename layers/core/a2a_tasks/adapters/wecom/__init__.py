"""WeCom's API, and what is stored for chats."""
