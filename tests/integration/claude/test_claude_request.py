"""What a turn sends, to each backend."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.tools.catalog import McpServer
from tests.integration.claude.claude_model import KEY, Secrets, asked, assistant, turn, user
from tests.integration.claude.scripted_claude import ScriptedClaude, message, running_script, text

ANTHROPICS_OWN = [Backend.CLAUDE_API, Backend.CLAUDE_ON_AWS]
CACHED = {"type": "ephemeral"}
HELLO = {"type": "text", "text": "Hello"}
TOOLS: list[dict[str, Any]] = [
    {"name": "Read", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}},
    {"type": "web_search_20260318", "name": "web_search", "max_uses": 3},
]
TOOLSET: dict[str, Any] = {
    "type": "mcp_toolset",
    "mcp_server_name": "wiki",
    "default_config": {"enabled": False},
    "configs": {"search": {"enabled": True}},
}
WIKI = McpServer("wiki", "https://wiki.example/mcp", secret_arn="arn:wiki")
OPEN = McpServer("open", "https://open.example/mcp")
SCHEMA = {"type": "object", "properties": {"b": {}, "a": {}}, "additionalProperties": False}


@pytest.fixture
def script() -> Iterator[ScriptedClaude]:
    with running_script() as running:
        running.will(message(text("Done.")))
        yield running


def sent(script: ScriptedClaude) -> tuple[str, dict[str, str], dict[str, Any]]:
    (request,) = script.requests
    return request


@pytest.mark.parametrize("backend", ANTHROPICS_OWN)
def test_a_plain_turn(script: ScriptedClaude, backend: Backend) -> None:
    turn(asked("Hello"), script.url, backend=backend)

    path, headers, body = sent(script)
    assert path == "/v1/messages"
    assert "anthropic-beta" not in headers
    assert body == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1_000,
        "system": "Be brief.",
        "messages": [user(HELLO)],
        "cache_control": CACHED,
        "stream": True,
    }


def test_an_agent_without_a_system_prompt_sends_none(script: ScriptedClaude) -> None:
    turn(asked("Hello", system=""), script.url)

    assert "system" not in sent(script)[2]


@pytest.mark.parametrize("backend", ANTHROPICS_OWN)
def test_everything_that_an_agent_may_have(script: ScriptedClaude, backend: Backend) -> None:
    request = asked(
        "Hello",
        container="container_1",
        tools=[*TOOLS, TOOLSET],
        mcp_servers=[WIKI, OPEN],
        output_schema=SCHEMA,
        effort="low",
        manages_context=True,
    )

    turn(request, script.url, backend=backend, secrets=Secrets(tokens={"arn:wiki": "token-of-wiki"}))

    _, headers, body = sent(script)
    assert body["tools"] == [*TOOLS, TOOLSET]
    assert body["mcp_servers"] == [
        {
            "type": "url",
            "name": "wiki",
            "url": "https://wiki.example/mcp",
            "authorization_token": "token-of-wiki",
        },
        {"type": "url", "name": "open", "url": "https://open.example/mcp"},
    ]
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}, "effort": "low"}
    assert json.dumps(body["output_config"]["format"]["schema"]) == json.dumps(SCHEMA)
    assert body["container"] == "container_1"
    assert body["context_management"] == {
        "edits": [{"type": "clear_tool_uses_20250919"}, {"type": "compact_20260112"}]
    }
    assert headers["anthropic-beta"].split(",") == [
        "mcp-client-2026-09-15",
        "context-management-2025-06-27",
        "compact-2026-01-12",
    ]


def test_bedrock_is_sent_only_what_it_knows(script: ScriptedClaude) -> None:
    secrets = Secrets()
    request = asked("Hello", tools=TOOLS[:1], mcp_servers=[WIKI], effort="low", manages_context=True)

    turn(request, f"{script.url}/anthropic", backend=Backend.BEDROCK, secrets=secrets)

    path, headers, body = sent(script)
    assert path == "/anthropic/v1/messages"
    assert "anthropic-beta" not in headers
    assert set(body) == {"model", "max_tokens", "system", "messages", "tools", "output_config", "stream"}
    assert body["output_config"] == {"effort": "low"}
    assert secrets.reads == []


def test_on_bedrock_the_conversations_end_is_marked_for_the_cache(script: ScriptedClaude) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "file"}
    request = asked("Hello", assistant([call]), user(result, {"type": "text", "text": "Go on."}))

    turn(request, f"{script.url}/anthropic", backend=Backend.BEDROCK)

    marked = {"type": "text", "text": "Go on.", "cache_control": CACHED}
    assert sent(script)[2]["messages"] == [user(HELLO), assistant([call]), user(result, marked)]
    assert request == asked("Hello", assistant([call]), user(result, {"type": "text", "text": "Go on."}))


def test_on_bedrock_a_paused_turn_is_sent_back_unmarked_where_it_ends_in_thinking(
    script: ScriptedClaude,
) -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "S"}

    turn(asked("Hello", assistant([thinking])), f"{script.url}/anthropic", backend=Backend.BEDROCK)

    assert sent(script)[2]["messages"] == [user(HELLO), assistant([thinking])]


def test_the_key_goes_into_the_header_alone(script: ScriptedClaude) -> None:
    turn(asked("Hello"), script.url)

    _, headers, body = sent(script)
    assert headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(body)


@pytest.mark.parametrize(
    ("backend", "service"),
    [(Backend.CLAUDE_ON_AWS, "aws-external-anthropic"), (Backend.BEDROCK, "bedrock-mantle")],
)
def test_where_a_role_signs_no_key_is_asked_for(
    script: ScriptedClaude, backend: Backend, service: str
) -> None:
    secrets = Secrets()

    turn(asked("Hello"), script.url, backend=backend, secrets=secrets)

    _, headers, _ = sent(script)
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=testing/")
    assert f"/eu-central-1/{service}/aws4_request" in headers["authorization"]
    assert headers.get("anthropic-workspace-id") == ("wrkspc_1" if backend is Backend.CLAUDE_ON_AWS else None)
    assert "x-api-key" not in headers
    assert secrets.reads == []


def test_a_token_is_read_for_every_turn_and_never_kept_in_the_prompt(script: ScriptedClaude) -> None:
    secrets = Secrets(tokens={"arn:wiki": "token-of-wiki"})
    request = asked("Hello", tools=[TOOLSET], mcp_servers=[WIKI])

    turn(request, script.url, secrets=secrets)
    turn(request, script.url, secrets=secrets)

    assert [read for read in secrets.reads if read[0] == "arn:wiki"] == [("arn:wiki", False)] * 2
    assert "token-of-wiki" not in request.prompt.to_json()


def test_the_same_request_is_the_same_bytes(script: ScriptedClaude) -> None:
    request = asked("测试", tools=[*TOOLS, TOOLSET], mcp_servers=[OPEN], output_schema=SCHEMA)

    turn(request, script.url)
    turn(request, script.url)

    first, second = (json.dumps(body) for _, _, body in script.requests)
    assert first == second
