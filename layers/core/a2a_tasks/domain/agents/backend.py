"""Where Claude is called, and what each place supports."""

from enum import StrEnum


class Backend(StrEnum):
    """The place that a deployment uses."""

    CLAUDE_API = "claude-api"  # api.anthropic.com, or any base URL that speaks the Messages API; needs a key
    CLAUDE_ON_AWS = "claude-on-aws"  # Anthropic's API behind AWS credentials: the worker's role, no key
    BEDROCK = "bedrock"  # Amazon Bedrock (Mantle): the worker's role, no key; messages only


HAS_SERVER_TOOLS = frozenset({Backend.CLAUDE_API, Backend.CLAUDE_ON_AWS})
"""WebSearch, WebFetch, Bash and CodeExecution run on Anthropic's side."""
HAS_MCP = HAS_SERVER_TOOLS
HAS_CONTEXT_MANAGEMENT = HAS_SERVER_TOOLS
HAS_BATCHES = HAS_SERVER_TOOLS
HAS_FILES = HAS_SERVER_TOOLS
