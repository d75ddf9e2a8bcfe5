"""Clients of the services that offer Claude."""

import logging

import anthropic
import httpx2

from a2a_tasks.domain.agents.backend import Backend

type Client = anthropic.AsyncAnthropic | anthropic.AsyncAnthropicAWS | anthropic.AsyncAnthropicBedrockMantle

CONNECT_SECONDS = 5.0

# at DEBUG the SDK logs whole requests: prompts, and the tokens of MCP servers
logging.getLogger("anthropic").setLevel(logging.INFO)


def needs_key(backend: Backend) -> bool:
    """Whether calls are authenticated by an API key, rather than signed with the function's role."""
    return backend is Backend.CLAUDE_API


def client_for(
    backend: Backend,
    key: str | None,
    *,
    base_url: str | None = None,
    region: str | None = None,
    workspace_id: str | None = None,
    read_timeout_seconds: float,
) -> Client:
    """A client of the backend. The SDK's own retries are off: it would sleep in paid Lambda time.

    ``base_url`` replaces the backend's own address; ``region`` defaults to the function's; a
    ``workspace_id`` is needed for Claude on AWS alone. The SDK signs each request with what botocore's
    default chain holds at that moment, which renews temporary credentials before they expire.

    Raises ``anthropic.AnthropicError`` where a region or workspace is missing.
    """
    timeout = httpx2.Timeout(read_timeout_seconds, connect=CONNECT_SECONDS)
    match backend:
        case Backend.CLAUDE_API:
            return anthropic.AsyncAnthropic(api_key=key, base_url=base_url, max_retries=0, timeout=timeout)
        case Backend.CLAUDE_ON_AWS:
            return anthropic.AsyncAnthropicAWS(
                aws_region=region,
                workspace_id=workspace_id,
                base_url=base_url,
                max_retries=0,
                timeout=timeout,
            )
        case Backend.BEDROCK:
            return anthropic.AsyncAnthropicBedrockMantle(
                aws_region=region, base_url=base_url, max_retries=0, timeout=timeout
            )
