"""What WeCom's callbacks and messages look like. Pure."""
