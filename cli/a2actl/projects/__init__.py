"""Projects, their API keys and MCP servers."""
