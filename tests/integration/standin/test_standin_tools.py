"""Tools that the API runs itself, structured output and compaction, as the real SDK accumulates them."""

import json
from datetime import datetime
from typing import Any, Literal

import anthropic
import pytest
from anthropic import AsyncAnthropic
from pydantic import BaseModel

from local.standin.client import StandInClient
from tests.integration.standin.sdk import MODEL, replay, stream, stream_beta, text_of, user

pytestmark = pytest.mark.anyio
SEARCH = {"type": "web_search_20260318", "name": "web_search", "allowed_domains": ["docs.example.org"]}
FETCH = {"type": "web_fetch_20260318", "name": "web_fetch"}
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
MCP: dict[str, Any] = {
    "betas": ["mcp-client-2025-11-20"],
    "mcp_servers": [{"type": "url", "name": "docs", "url": "https://docs.example.com/mcp"}],
    "tools": [
        {
            "type": "mcp_toolset",
            "mcp_server_name": "docs",
            "default_config": {"enabled": False},
            "configs": {"search": {"enabled": True}},
        }
    ],
}
COMPACTING: dict[str, Any] = {
    "betas": ["compact-2026-01-12"],
    "context_management": {"edits": [{"type": "compact_20260112"}]},
}


class Person(BaseModel):
    name: str
    age: int | None


class Report(BaseModel):
    title: str
    mood: Literal["good", "bad"]
    score: float
    done: bool
    due: datetime
    people: list[Person]


@pytest.mark.parametrize("streams", [True, False])
async def test_server_tools_come_with_their_results(claude: AsyncAnthropic, streams: bool) -> None:
    question = user(
        '[[standin: server=web_search:{"query":"x"}; server=web_fetch:{"url":"https://a.example/"}; '
        "say=Found]]"
    )
    parameters: dict[str, Any] = {"model": MODEL, "max_tokens": 99, "tools": [SEARCH, FETCH]}
    if streams:
        message: Any = await stream(claude, question, **parameters)
    else:
        message = await claude.messages.create(messages=[question], **parameters)

    search, found, fetch, page, text = message.content
    assert (search.type, search.name, search.input) == ("server_tool_use", "web_search", {"query": "x"})
    assert (found.type, found.tool_use_id) == ("web_search_tool_result", search.id)
    assert found.content[0].url == "https://docs.example.org/"
    assert (fetch.name, fetch.input) == ("web_fetch", {"url": "https://a.example/"})
    assert (page.content.type, page.content.url) == ("web_fetch_result", "https://a.example/")
    assert page.content.content.source.data
    assert text.text == "Found"
    assert message.stop_reason == "end_turn"
    used = message.usage.server_tool_use
    assert (used.web_search_requests, used.web_fetch_requests) == (1, 1)
    assert message.container is None


async def test_code_runs_in_a_container_that_the_next_request_can_name(claude: AsyncAnthropic) -> None:
    question = user(
        '[[standin: server=code_execution:{"code":"1"} | server=bash_code_execution:{"command":"ls"}]]'
    )
    first = await stream(claude, question, tools=[CODE])
    assert first.container is not None
    container = first.container.id
    second = await stream(claude, question, replay(first), user("Again"), tools=[CODE], container=container)

    assert [block.type for block in first.content] == ["server_tool_use", "code_execution_tool_result"]
    assert [block.type for block in second.content] == ["server_tool_use", "bash_code_execution_tool_result"]
    assert first.container.expires_at > datetime.now(first.container.expires_at.tzinfo)
    assert second.container is not None
    assert second.container.id == container


async def test_a_turn_that_paused_goes_on(claude: AsyncAnthropic, standin: StandInClient) -> None:
    question = user("[[standin: think=Hm; server=web_search; stop=pause_turn | say=Half | say=Rest]]")
    first = await stream(claude, question, tools=[SEARCH])
    assert first.stop_reason == "pause_turn"
    second = await stream(claude, question, replay(first), tools=[SEARCH])
    third = await stream(claude, question, replay(first), replay(second), user("And?"), tools=[SEARCH])

    assert [text_of(message) for message in (second, third)] == ["Half", "Rest"]
    assert [call.step for call in standin.calls()] == [1, 2, 3]


@pytest.mark.parametrize("streams", [True, False])
async def test_mcp_tools_come_with_their_results(claude: AsyncAnthropic, streams: bool) -> None:
    question = user('[[standin: mcp=docs.search:{"q":"x"}; say=Found | say=Done]]')
    if streams:
        message: Any = await stream_beta(claude, question, **MCP)
    else:
        message = await claude.beta.messages.create(model=MODEL, max_tokens=9, messages=[question], **MCP)

    use, result, _ = message.content
    assert (use.type, use.server_name, use.name, use.input) == ("mcp_tool_use", "docs", "search", {"q": "x"})
    assert (result.type, result.tool_use_id, result.is_error) == ("mcp_tool_result", use.id, False)
    assert "search of docs" in result.content[0].text
    again = await stream_beta(claude, question, replay(message), user("More"), **MCP)
    assert [block.text for block in again.content if block.type == "text"] == ["Done"]


@pytest.mark.parametrize(
    ("step", "parameters"),
    [
        ("server=web_search", {}),
        ("server=code_execution", {"tools": [SEARCH]}),
        ("server=telepathy", {"tools": [SEARCH]}),
        ("mcp=docs.search", {}),
        ("mcp=docs.delete", MCP),
        ("mcp=other.search", MCP),
        ("compact", {}),
    ],
)
async def test_what_the_request_does_not_offer_cannot_be_scripted(
    claude: AsyncAnthropic, step: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError, match="The stand-in's directive"):
        await stream_beta(claude, user(f"[[standin: {step}]]"), **parameters)


async def test_data_is_the_whole_text(claude: AsyncAnthropic) -> None:
    message = await stream(claude, user('[[standin: data={"a": [1,  2], "b": "x;y|z]]"}]]'))

    assert text_of(message) == '{"a": [1,  2], "b": "x;y|z]]"}'


async def test_structured_output_fits_the_schema_by_default(claude: AsyncAnthropic) -> None:
    parsed = await claude.messages.parse(
        model=MODEL, max_tokens=99, messages=[user("Report.")], output_format=Report
    )
    spoken = await stream(
        claude,
        user("[[standin: say=No JSON]]"),
        output_config={"format": {"type": "json_schema", "schema": {"type": "string"}}},
    )

    assert isinstance(parsed.parsed_output, Report)
    assert len(parsed.parsed_output.people) == 1
    assert json.loads(text_of(parsed))["mood"] == "good"
    assert text_of(spoken) == "No JSON"


@pytest.mark.parametrize("streams", [True, False])
async def test_a_compaction_alone_pauses_and_is_counted_in_the_iterations_only(
    claude: AsyncAnthropic, streams: bool
) -> None:
    question = user("[[standin: compact | say=Go on | say=More]]" + "x" * 4_000)
    if streams:
        message: Any = await stream_beta(claude, question, **COMPACTING)
    else:
        message = await claude.beta.messages.create(
            model=MODEL, max_tokens=9, messages=[question], **COMPACTING
        )

    (block,) = message.content
    assert (block.type, message.stop_reason) == ("compaction", "compaction")
    assert "summarized 1 messages" in block.content
    assert block.encrypted_content
    assert (message.usage.input_tokens, message.usage.output_tokens) == (0, 0)
    (iteration,) = message.usage.iterations
    assert (iteration.type, iteration.input_tokens > 1_000) == ("compaction", True)
    assert message.context_management.applied_edits == []
    # AND what came before the summary is no longer part of the prompt
    second = await stream_beta(claude, question, replay(message), **COMPACTING)
    assert second.usage.input_tokens < 100
    assert second.usage.iterations is None
    third = await stream_beta(claude, question, replay(message), replay(second), user("And?"), **COMPACTING)
    assert [block.text for block in third.content if block.type == "text"] == ["More"]


async def test_a_compaction_within_a_reply_comes_first(claude: AsyncAnthropic) -> None:
    question = user("[[standin: say=Answer; compact]]" + "x" * 4_000)
    message = await stream_beta(claude, question, system="Be brief.", **COMPACTING)

    assert [block.type for block in message.content] == ["compaction", "text"]
    assert message.stop_reason == "end_turn"
    assert message.usage.iterations is not None
    compaction, reply = message.usage.iterations
    assert (compaction.type, reply.type) == ("compaction", "message")
    assert compaction.input_tokens > 1_000 > reply.input_tokens == message.usage.input_tokens


async def test_several_tools_can_be_called_at_once_and_mixed(claude: AsyncAnthropic) -> None:
    question = user('[[standin: tool=Read:{"a":1}; server=web_search; tool=Read:{"a":2}]]')
    message = await stream(
        claude, question, tools=[SEARCH, {"name": "Read", "input_schema": {"type": "object"}}]
    )

    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"a": 1}, {"a": 2}]
    assert len({call.id for call in calls}) == 2
    assert message.stop_reason == "tool_use"
