"""Requests that the API would refuse."""

from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from local.standin.client import StandInClient
from tests.integration.standin.sdk import MODEL, assistant, post, stream, text_of, user

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"model": None}, 400, "model: Field required"),
        ({"model": ""}, 400, "model: String should have at least 1 character"),
        ({"model": "gpt-4"}, 404, "model: gpt-4"),
        ({"max_tokens": None}, 400, "max_tokens: Field required"),
        ({"max_tokens": 0}, 400, "max_tokens: must be greater than or equal to 1"),
        ({"max_tokens": 128_001}, 400, "max_tokens: 128001 > 128000"),
        ({"messages": None}, 400, "messages: Field required"),
        ({"messages": []}, 400, "messages: at least one message is required"),
        ({"messages": [user("")]}, 400, "messages.0: user messages must have non-empty content"),
        ({"messages": [user([{"type": "text", "text": ""}])]}, 400, "must be non-empty"),
        ({"messages": [user([{"type": "text", "text": "\u3000"}])]}, 400, "must contain non-whitespace text"),
        ({"messages": [user(" \n")]}, 400, "messages: text content blocks must contain non-whitespace text"),
        ({"system": [{"type": "text", "text": " "}]}, 400, "system: text content blocks must contain"),
        ({"messages": [user("a"), {"role": "robot", "content": "b"}]}, 400, 'Unexpected role "robot"'),
        ({"messages": [user("a"), assistant("b")]}, 400, "end with a user message"),
        ({"temperature": 0.5}, 400, "temperature: Extra inputs are not permitted"),
        ({"system": 1}, 400, "system: Input should be"),
        ({"system": [{"type": "text"}]}, 400, "system.0.text.text: Field required"),
        ({"thinking": True}, 400, "thinking: Input should be an object"),
        ({"messages": [user("[[standin: dance]]")]}, 400, "does not know the word 'dance'"),
    ],
)
async def test_requests_that_the_api_would_refuse_are_refused(
    standin: StandInClient, changes: dict[str, Any], status: int, message: str
) -> None:
    body = {"model": MODEL, "max_tokens": 9, "messages": [user("[[standin: say=ok]]")]} | changes
    answered, error = await post(standin, {name: value for name, value in body.items() if value is not None})

    assert (answered, error["type"]) == (status, "error")
    assert message in error["error"]["message"]
    assert error["request_id"] == standin.calls()[0].request_id
    assert standin.calls()[0].outcome == f"error {status}"


async def test_a_key_is_needed_and_the_wrong_one_is_refused(standin: StandInClient) -> None:
    async with httpx2.AsyncClient(base_url=standin.base_url) as client:
        without_key = await client.get("/v1/models")
    async with AsyncAnthropic(base_url=standin.base_url, api_key="sk-ant-wrong", max_retries=0) as claude:
        with pytest.raises(anthropic.AuthenticationError):
            await stream(claude, user("Hello"))

    assert without_key.status_code == 401
    assert without_key.json()["error"]["type"] == "authentication_error"


READ = {"name": "Read", "input_schema": {"type": "object"}}
DOCS = {"type": "url", "name": "docs", "url": "https://docs.example.com/mcp"}
TOOLSET = {"type": "mcp_toolset", "mcp_server_name": "docs"}
MCP = "mcp-client-2025-11-20"
CLEAR = {"edits": [{"type": "clear_tool_uses_20250919"}]}
COMPACT: Any = {"edits": [{"type": "compact_20260112"}]}
CONTEXT_BETA, COMPACT_BETA = "context-management-2025-06-27", "compact-2026-01-12"


async def refusal(standin: StandInClient, changes: dict[str, Any], beta: str = "") -> str | None:
    """The text of the 400, None for a request that is accepted."""
    body = {"model": MODEL, "max_tokens": 9, "messages": [user("[[standin: say=ok]]")]} | changes
    status, answer = await post(standin, body, beta)
    assert status in (200, 400)
    return answer["error"]["message"] if status == 400 else None


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ({"name": "a b", "input_schema": {"type": "object"}}, "tools.0.custom.name: String should match"),
        ({"name": "x" * 129, "input_schema": {"type": "object"}}, "tools.0.custom.name: String should match"),
        ({"input_schema": {"type": "object"}}, "tools.0.custom.name: Field required"),
        ({"name": "Read"}, "tools.0.custom.input_schema: Field required"),
        ({"name": "Read", "input_schema": {}}, "tools.0.custom.input_schema.type: Field required"),
        ({"name": "Read", "input_schema": {"type": "string"}}, "type: Input should be 'object'"),
        (READ | {"parameters": {}}, "tools.0.custom.parameters: Extra inputs are not permitted"),
        ({"type": "web_search_19990101", "name": "web_search"}, "tools.0: Input tag 'web_search_19990101'"),
        ({"type": "web_search_20260318", "name": "search"}, "name: Input should be 'web_search'"),
        (
            {
                "type": "web_fetch_20260318",
                "name": "web_fetch",
                "allowed_domains": ["a"],
                "blocked_domains": ["b"],
            },
            "Only one of allowed_domains and blocked_domains",
        ),
        ({"type": "web_search_20260318", "name": "web_search", "max_uses": 0}, "max_uses: Input should be"),
        (TOOLSET, "tools.0: Input tag 'mcp_toolset'"),
        (READ, None),
        (READ | {"type": "custom", "description": "Reads.", "strict": True}, None),
        ({"type": "web_search_20260318", "name": "web_search", "max_uses": 3}, None),
        ({"type": "code_execution_20260521", "name": "code_execution"}, None),
        ({"type": "bash_20250124", "name": "bash"}, None),
    ],
)
async def test_tools_must_be_valid(standin: StandInClient, tool: dict[str, Any], message: str | None) -> None:
    refused = await refusal(standin, {"tools": [tool]})

    assert (refused is None) == (message is None)
    assert (message or "") in (refused or "")


@pytest.mark.parametrize(
    ("changes", "beta", "message"),
    [
        ({"mcp_servers": [DOCS], "tools": [TOOLSET]}, "", "mcp_servers: Extra inputs are not permitted"),
        (
            {"mcp_servers": [DOCS]},
            MCP,
            "MCP server 'docs' is defined but not referenced by any `mcp_toolset`",
        ),
        ({"tools": [TOOLSET]}, MCP, "MCP server 'docs' referenced by `mcp_toolset` is not in `mcp_servers`"),
        ({"mcp_servers": [DOCS], "tools": [TOOLSET, TOOLSET]}, MCP, "more than one `mcp_toolset`"),
        ({"mcp_servers": [DOCS, DOCS], "tools": [TOOLSET]}, MCP, "names must be unique"),
        ({"mcp_servers": [DOCS | {"url": "http://a"}], "tools": [TOOLSET]}, MCP, "must start with https://"),
        ({"mcp_servers": [DOCS], "tools": [TOOLSET]}, MCP, None),
        ({"mcp_servers": [DOCS], "tools": [TOOLSET]}, "mcp-client-2026-09-15", None),
        ({"context_management": CLEAR}, "", "context_management: Extra inputs are not permitted"),
        (
            {"context_management": COMPACT},
            CONTEXT_BETA,
            "context_management.edits.0: Input tag 'compact_20260112'",
        ),
        ({"context_management": CLEAR}, COMPACT_BETA, "edits.0: Input tag 'clear_tool_uses_20250919'"),
        ({"context_management": CLEAR}, CONTEXT_BETA, None),
        ({"context_management": COMPACT}, f"{CONTEXT_BETA},{COMPACT_BETA}", None),
        (
            {"context_management": {"edits": [COMPACT["edits"][0] | {"trigger": {"value": 9}}]}},
            COMPACT_BETA,
            "greater than or equal to 50000",
        ),
        ({"output_config": {"task_budget": {}}}, "", "output_config.task_budget: Extra inputs"),
        (
            {},
            "compact-1999-01-01",
            "Unexpected value(s) `compact-1999-01-01` for the `anthropic-beta` header",
        ),
    ],
)
async def test_beta_features_need_their_beta(
    standin: StandInClient, changes: dict[str, Any], beta: str, message: str | None
) -> None:
    refused = await refusal(standin, changes, beta)

    assert (refused is None) == (message is None)
    assert (message or "") in (refused or "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"top_p": 1}, "top_p: Extra inputs are not permitted"),
        ({"top_k": 1}, "top_k: Extra inputs are not permitted"),
        ({"prompt": "hi"}, "prompt: Extra inputs are not permitted"),
        ({"tools": [READ, READ]}, "tools: Tool names must be unique"),
        ({"tool_choice": {"type": "auto"}}, "may only be specified while providing tools"),
        (
            {"tools": [READ], "tool_choice": {"type": "any"}},
            "tool_choice: 'any' is not supported on claude-opus-5-5",
        ),
        ({"thinking": {"type": "disabled"}}, "thinking.type: 'disabled' is not supported on claude-opus-5-5"),
        (
            {"output_config": {"effort": "enormous"}},
            "effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
        ),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format: Input tag 'text'"),
        (
            {"output_config": {"format": {"type": "json_schema"}}},
            "output_config.format.schema: Field required",
        ),
        (
            {
                "cache_control": {"type": "ephemeral"},
                "system": [
                    {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}} for _ in range(4)
                ],
            },
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
        ({"cache_control": {"type": "ephemeral", "ttl": "2h"}}, "cache_control: Input should be"),
        ({"system": "Be brief.", "output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}}, None),
    ],
)
async def test_parameters_must_be_valid(
    standin: StandInClient, changes: dict[str, Any], message: str | None
) -> None:
    refused = await refusal(standin, changes)

    assert (refused is None) == (message is None)
    assert (message or "") in (refused or "")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "object"}, "'additionalProperties' must be explicitly set to false"),
        ({"type": "object", "additionalProperties": True}, "'additionalProperties' is True"),
        ({"type": "array", "items": {"type": "object"}}, "must be explicitly set to false"),
        ({"type": "integer", "minimum": 1}, "For 'integer' type, property 'minimum' is not supported"),
        ({"type": "string", "maxLength": 1}, "For 'string' type, property 'maxLength' is not supported"),
        ({"type": "array", "minItems": 2}, "'minItems' values above 1 are not supported"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "Recursive schemas are not supported"),
    ],
)
async def test_schemas_of_structured_output_must_be_of_the_supported_kind(
    standin: StandInClient, schema: dict[str, Any], message: str
) -> None:
    refused = await refusal(standin, {"output_config": {"format": {"type": "json_schema", "schema": schema}}})

    assert message in (refused or "")


CALL = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "text"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}


@pytest.mark.parametrize(
    ("reply", "following", "message"),
    [
        ([CALL], [RESULT], None),
        ([CALL], [RESULT | {"is_error": True}, {"type": "text", "text": "and more"}], None),
        ([CALL, CALL | {"id": "toolu_2"}], [RESULT | {"tool_use_id": "toolu_2"}, RESULT], None),
        ([CALL, CALL], [RESULT], "`tool_use` ids must be unique"),
        ([CALL], [RESULT, RESULT], "each tool_use must have a single result"),
        ([CALL], [RESULT, RESULT | {"tool_use_id": "toolu_9"}], "unexpected `tool_use_id`"),
        (
            [CALL],
            [RESULT | {"is_error": True, "content": ""}],
            "content cannot be empty if `is_error` is true",
        ),
        ([CALL], [RESULT | {"content": [{"type": "tool_use"}]}], "Input tag 'tool_use'"),
        ([CALL], [RESULT | {"name": "Read"}], "tool_result.name: Extra inputs are not permitted"),
        ([CALL | {"input": "{}"}], [RESULT], "tool_use.input: Input should be a valid dictionary"),
        ([CALL | {"id": "toolu:1"}], [RESULT], "tool_use.id: String should match pattern"),
        ([{"type": "text", "text": " "}], "go on", "must contain non-whitespace text"),
        ([{"type": "text", "text": "a", "parsed_output": None}], "go on", "text.parsed_output: Extra inputs"),
        (
            [{"type": "mcp_tool_use", "id": "m", "name": "a", "server_name": "b", "input": {}}],
            "go on",
            "Input tag",
        ),
        ([{"type": "compaction", "content": "a"}], "go on", "Input tag 'compaction'"),
        ([SEARCH], "go on", "`web_search` tool use with id `srvtoolu_1` was found without a corresponding"),
        ([RESULT], "go on", "Input tag 'tool_result'"),
    ],
)
async def test_a_replayed_turn_must_be_as_the_api_gave_it(
    standin: StandInClient, reply: Any, following: Any, message: str | None
) -> None:
    messages = [user("[[standin: say=a | say=b]]"), assistant(reply), user(following)]
    refused = await refusal(standin, {"messages": messages})

    assert (refused is None) == (message is None)
    assert (message or "") in (refused or "")


async def test_results_must_come_in_one_user_message(standin: StandInClient) -> None:
    question, calls = user("[[standin: say=a]]"), assistant([CALL, CALL | {"id": "toolu_2"}])
    halves = [user([RESULT]), user([RESULT | {"tool_use_id": "toolu_2"}])]
    split = await refusal(standin, {"messages": [question, calls, *halves]})
    none = await refusal(
        standin, {"messages": [question, calls, {"role": "system", "content": "Hm."}, *halves]}
    )

    assert "without `tool_result` blocks immediately after: toolu_2" in (split or "")
    assert "without `tool_result` blocks immediately after: toolu_1, toolu_2" in (none or "")


async def test_a_reply_after_a_reply_is_refused_unless_the_first_paused(claude: AsyncAnthropic) -> None:
    question = user("[[standin: say=Half; stop=pause_turn | say=whole | say=more]]")
    half, whole = assistant("Half"), assistant("whole")
    with pytest.raises(anthropic.BadRequestError, match="may follow another only where"):
        await stream(claude, question, half, whole, user("Go on"))

    await stream(claude, question)
    assert text_of(await stream(claude, question, half, whole, user("Go on"))) == "more"
    with pytest.raises(anthropic.BadRequestError, match="prefill"):
        await stream(claude, question, half, whole)
    with pytest.raises(anthropic.BadRequestError, match="prefill"):
        await stream(claude, question, half, system="Something else")


async def test_tokens_are_counted_for_what_would_be_accepted(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    count = await claude.beta.messages.count_tokens(
        model=MODEL, messages=[user("x" * 400)], betas=[COMPACT_BETA], context_management=COMPACT
    )
    status, refused = await post(
        standin,
        {"model": MODEL, "max_tokens": 9, "messages": [user("a")]},
        path="/v1/messages/count_tokens",
    )

    assert 100 <= count.input_tokens < 140
    assert status == 400
    assert "max_tokens: Extra inputs" in refused["error"]["message"]
