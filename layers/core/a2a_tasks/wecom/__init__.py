"""WeCom (企业微信): what its callbacks look like, how they are opened, and how they are answered. Pure."""
