"""WeCom connections: `a2actl wecom`."""
