"""An agent's allowed tools become the API's tool definitions, the same ones every time."""

from typing import Any

import pytest

from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.tools.catalog import TOOLS, McpServer
from a2a_tasks.domain.tools.definitions import UnknownMcpServer, definitions, resolved, unsupported

OWN: dict[str, dict[str, Any]] = {
    name: {"name": name, "description": f"Does {name}.", "input_schema": {"type": "object"}}
    for name in ("Read", "Write", "ask_user", "call_agent")
}
SERVERS = {
    name: McpServer(name, f"https://{name}.example/mcp", secret_arn=f"arn:{name}")
    for name in ("wiki", "crm_eu", "unused")
}


def agent(*allowed: str, **options: dict[str, Any]) -> AgentRevision:
    return AgentRevision(
        agent_id="a",
        project_id="p",
        revision=1,
        name="A",
        description="",
        system_prompt="",
        model="sonnet",
        max_turns=30,
        max_tokens=1_000,
        timeout_ms=1_000,
        max_concurrent_tasks=1,
        enabled=True,
        allowed_tools=allowed,
        tool_options=options,
    )


def test_nothing_allowed_means_no_tools() -> None:
    assert definitions(agent(), OWN) == ([], [])


def test_server_tools_are_named_with_their_versions() -> None:
    tools, servers = definitions(agent("WebSearch", "WebFetch", "CodeExecution"), OWN)

    assert tools == [
        {"type": "code_execution_20260521", "name": "code_execution"},
        {"type": "web_fetch_20260318", "name": "web_fetch"},
        {"type": "web_search_20260318", "name": "web_search"},
    ]
    assert servers == []


def test_bash_and_code_execution_are_one_tool() -> None:
    both, _ = definitions(agent("Bash", "CodeExecution"), OWN)

    assert both == definitions(agent("Bash"), OWN)[0]
    assert both == [{"type": "code_execution_20260521", "name": "code_execution"}]


def test_options_get_the_apis_names() -> None:
    bounded = agent(
        "WebFetch",
        "WebSearch",
        WebSearch={"maxUses": 3, "allowedDomains": ["example.com"]},
        WebFetch={"blockedDomains": ["x.example"], "maxContentTokens": 5_000},
    )

    fetch, search = definitions(bounded, OWN)[0]

    assert fetch["blocked_domains"] == ["x.example"]
    assert fetch["max_content_tokens"] == 5_000
    assert (search["allowed_domains"], search["max_uses"]) == (["example.com"], 3)


def test_own_tools_are_taken_as_they_are() -> None:
    tools, _ = definitions(agent("ask_user", "Read"), OWN)

    assert tools == [OWN["Read"], OWN["ask_user"]]


def test_two_names_of_one_own_tool_are_one_definition() -> None:
    own = OWN | {"Task": OWN["call_agent"]}

    assert definitions(agent("Task", "call_agent"), own)[0] == [OWN["call_agent"]]


def test_only_the_allowed_tools_of_an_mcp_server_are_enabled() -> None:
    tools, servers = definitions(agent("mcp__wiki__search", "mcp__wiki__get_page"), OWN)

    assert tools == [
        {
            "type": "mcp_toolset",
            "mcp_server_name": "wiki",
            "default_config": {"enabled": False},
            "configs": {"get_page": {"enabled": True}, "search": {"enabled": True}},
        }
    ]
    assert servers == ["wiki"]


def test_every_server_has_one_toolset_and_comes_once() -> None:
    allowed = agent("mcp__wiki__search", "mcp__crm_eu__find", "mcp__wiki__read")

    tools, servers = definitions(allowed, OWN)

    assert [tool["mcp_server_name"] for tool in tools] == ["crm_eu", "wiki"]
    assert servers == ["crm_eu", "wiki"]


def test_a_server_that_the_project_does_not_have_is_named() -> None:
    assert resolved(["wiki"], SERVERS.values()) == [SERVERS["wiki"]]

    with pytest.raises(UnknownMcpServer, match="'erp'") as raised:
        resolved(["wiki", "erp"], SERVERS.values())

    assert raised.value.name == "erp"


def test_the_order_of_the_names_makes_no_difference() -> None:
    names = ("WebSearch", "mcp__wiki__search", "Read", "mcp__crm_eu__find", "Bash", "ask_user", "Read")

    forwards = definitions(agent(*names), OWN)

    assert forwards == definitions(agent(*reversed(names)), OWN)
    assert repr(forwards) == repr(definitions(agent(*reversed(names)), OWN))


@pytest.mark.parametrize("backend", [Backend.CLAUDE_API, Backend.CLAUDE_ON_AWS])
def test_anthropics_own_api_serves_every_tool(backend: Backend) -> None:
    assert unsupported([*sorted(TOOLS), "mcp__wiki__search"], backend) == []


def test_bedrock_serves_only_tools_that_run_here() -> None:
    names = ["Read", "WebSearch", "ask_user", "Bash", "CodeExecution", "WebFetch", "mcp__wiki__search"]

    assert unsupported(names, Backend.BEDROCK) == [
        "WebSearch", "Bash", "CodeExecution", "WebFetch", "mcp__wiki__search"
    ]  # fmt: skip
