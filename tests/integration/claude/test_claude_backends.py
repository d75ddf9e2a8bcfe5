"""Whole conversations on each backend, with the real SDK against the stand-in, which checks every replay."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.ports.model import ModelRejected, ModelReply, ModelRequest
from local.standin.client import StandInClient
from tests.integration.claude.claude_model import (
    Opened,
    Secrets,
    asked,
    assistant,
    result_of,
    run,
    turn,
    user,
)

EVERYWHERE = list(Backend)
ANTHROPICS_OWN = [Backend.CLAUDE_API, Backend.CLAUDE_ON_AWS]
READ: dict[str, Any] = {
    "name": "Read",
    "description": "Reads a file.",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
}
SEARCH = {"type": "web_search_20260318", "name": "web_search"}
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
WIKI = McpServer("wiki", "https://wiki.example/mcp", secret_arn="arn:wiki")
TOOLSET: dict[str, Any] = {
    "type": "mcp_toolset",
    "mcp_server_name": "wiki",
    "default_config": {"enabled": False},
    "configs": {"search": {"enabled": True}},
}


@dataclass
class Conversation:
    """Turns on a backend, each with what came before; every call of ``Read`` is answered with "file"."""

    backend: Backend
    claude: StandInClient
    request: ModelRequest
    replies: list[ModelReply] = field(default_factory=list)

    def go_on(self, turns: int) -> list[ModelReply]:
        suffix = "/anthropic" if self.backend is Backend.BEDROCK else ""
        secrets = Secrets(tokens={"arn:wiki": "token-of-wiki"})
        run(
            lambda opened: self._take(opened, turns),
            self.claude.base_url + suffix,
            backend=self.backend,
            secrets=secrets,
        )
        return self.replies

    async def _take(self, opened: Opened, turns: int) -> None:
        for _ in range(turns):
            reply = await opened.turn(self.request)
            self.replies.append(reply)
            messages = [*self.request.messages, assistant(reply.content)]
            if reply.stop_reason != "pause_turn":
                results = [result_of(call, "file") for call in reply.tool_uses]
                messages.append(user(*results) if results else user({"type": "text", "text": "Go on."}))
            self.request = replace(self.request, messages=messages, container=reply.container)


def begin(backend: Backend, claude: StandInClient, steps: str, **prompt: Any) -> Conversation:
    model = "anthropic.claude-sonnet-5" if backend is Backend.BEDROCK else "claude-sonnet-5-5"
    return Conversation(backend, claude, asked(f"[[standin: {steps}]]", model=model, **prompt))


@pytest.mark.parametrize("backend", EVERYWHERE)
def test_thinking_and_tool_calls_are_taken_back_as_they_came(claude: StandInClient, backend: Backend) -> None:
    steps = 'think=hm; say=Reading.; tool=Read:{"path": "a"}; tool=Read:{"path": "b"} | think=ah; say=Done.'

    first, last = begin(backend, claude, steps, tools=[READ]).go_on(2)

    assert [block["type"] for block in first.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert [call["input"] for call in first.tool_uses] == [{"path": "a"}, {"path": "b"}]
    assert (first.stop_reason, last.stop_reason, last.text) == ("tool_use", "end_turn", "Done.")
    assert [call.outcome for call in claude.calls()] == ["completed", "completed"]


@pytest.mark.parametrize("backend", EVERYWHERE)
def test_the_next_turn_reads_the_last_ones_prompt_from_the_cache(
    claude: StandInClient, backend: Backend
) -> None:
    steps = "tool=Read:{} | tool=Read:{} | say=Done."

    first, second, third = begin(backend, claude, steps, tools=[READ]).go_on(3)

    (wrote,), (read,), (read_more,) = first.usage.calls, second.usage.calls, third.usage.calls
    assert wrote.cache_read_tokens == 0
    assert wrote.cache_write_tokens > 0
    assert 0 < read.cache_read_tokens < read_more.cache_read_tokens
    assert third.usage.turns == 1


@pytest.mark.parametrize("backend", EVERYWHERE)
def test_a_paused_turn_goes_on_from_where_it_was(claude: StandInClient, backend: Backend) -> None:
    paused, done = begin(backend, claude, "think=hm; say=Wait.; stop=pause_turn | say=Done.").go_on(2)

    assert (paused.stop_reason, done.text) == ("pause_turn", "Done.")


@pytest.mark.parametrize("backend", ANTHROPICS_OWN)
def test_what_server_tools_did_is_taken_back_as_it_came(claude: StandInClient, backend: Backend) -> None:
    steps = (
        'server=web_search:{"query": "q"}; say=Found.; tool=Read:{}'
        ' | server=code_execution:{"code": "1"}; mcp=wiki.search:{"q": 1}; tool=Read:{} | say=Done.'
    )
    tools = [CODE, SEARCH, READ, TOOLSET]

    searched, computed, done = begin(
        backend, claude, steps, tools=tools, mcp_servers=[WIKI], manages_context=True
    ).go_on(3)

    assert {block["type"] for block in searched.content} >= {"server_tool_use", "web_search_tool_result"}
    assert {block["type"] for block in computed.content} >= {"mcp_tool_use", "mcp_tool_result"}
    assert searched.container is None
    assert computed.container is not None
    assert claude.requests(2).body["container"] == computed.container
    assert [call["name"] for call in (*searched.tool_uses, *computed.tool_uses)] == ["Read", "Read"]
    assert done.text == "Done."


@pytest.mark.parametrize("backend", ANTHROPICS_OWN)
def test_a_compacted_conversation_goes_on(claude: StandInClient, backend: Backend) -> None:
    steps = "tool=Read:{} | compact; tool=Read:{} | say=Done."

    _, compacted, done = begin(backend, claude, steps, tools=[READ], manages_context=True).go_on(3)

    assert compacted.content[0]["type"] == "compaction"
    assert compacted.content[0]["content"]
    assert done.text == "Done."


@pytest.mark.parametrize("backend", EVERYWHERE)
def test_an_answer_in_the_agents_schema(claude: StandInClient, backend: Backend) -> None:
    schema = {
        "type": "object",
        "properties": {"sum": {"type": "integer"}},
        "required": ["sum"],
        "additionalProperties": False,
    }

    (reply,) = begin(backend, claude, 'data={"sum": 3}', output_schema=schema, effort="low").go_on(1)

    assert reply.text.replace(" ", "") == '{"sum":3}'


@pytest.mark.parametrize("backend", EVERYWHERE)
def test_a_model_that_the_backend_does_not_serve(claude: StandInClient, backend: Backend) -> None:
    suffix = "/anthropic" if backend is Backend.BEDROCK else ""

    with pytest.raises(ModelRejected) as raised:
        turn(asked(model="gpt-5"), claude.base_url + suffix, backend=backend)

    assert raised.value.code is FailureCode.AGENT_MISCONFIGURED
