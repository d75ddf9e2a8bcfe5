"""Agent definitions: what is wrong is said by field, and with what to write instead."""

import json
from typing import Any

import pytest

from a2a_tasks.domain.agents.agent import resolve_model
from a2a_tasks.domain.agents.definition import InvalidAgent, parse_agent


def parse(**fields: Any) -> Any:
    return parse_agent({"id": "writer", "name": "Writer"} | fields)


def complaint(document: object) -> str:
    with pytest.raises(InvalidAgent) as refused:
        parse_agent(document)
    return str(refused.value)


def test_id_and_name_are_enough() -> None:
    stored = parse().to_stored()
    assert stored == {
        "name": "Writer",
        "description": "",
        "systemPrompt": "",
        "model": "sonnet",
        "fallbacks": None,
        "effort": None,
        "maxTurns": 30,
        "maxTokens": 16_000,
        "timeoutMs": 300_000,
        "queueTimeoutMs": 86_400_000,
        "maxAttempts": None,
        "maxConcurrentTasks": None,
        "maxPendingTasks": None,
        "taskBudget": None,
        "enabled": True,
        "allowedTools": [],
        "toolOptions": {},
        "artifactHosts": [],
        "afterUntrusted": None,
        "outputSchema": None,
        "skills": [],
        "visibility": "public",
        "notify": [],
    }


def test_a_full_definition() -> None:
    agent = parse(
        projectId="demo",
        model="claude-sonnet-4-5",
        allowedTools=["Read", "WebSearch", "mcp__git-hub__list_issues", "save_artifact"],
        skills=[{"id": "report", "name": "Report", "description": "Reports.", "tags": ["writing"]}],
    )
    assert agent.project_id == "demo"
    assert agent.to_stored()["allowedTools"][2] == "mcp__git-hub__list_issues"
    assert agent.to_stored()["skills"] == [
        {"id": "report", "name": "Report", "description": "Reports.", "tags": ["writing"], "examples": []}
    ]


def test_what_bounds_a_task_is_stored_exactly_and_without_what_is_not_given() -> None:
    schema = {"type": "object", "properties": {"a": {"const": None}}, "additionalProperties": False}
    stored = parse(
        effort="xhigh",
        maxAttempts=1,
        taskBudget={"maxCostUsd": 0.1, "maxTokens": 200_000},
        allowedTools=["WebSearch", "WebFetch"],
        toolOptions={
            "WebSearch": {"allowedDomains": ["example.com", "docs.example.com/a?b"], "maxUses": 3},
            "WebFetch": {"blockedDomains": ["xn--bcher-kva.example"], "maxContentTokens": 20_000},
        },
        outputSchema=schema,
    ).to_stored()
    assert json.loads(json.dumps(stored)) == stored, "it is plain JSON"
    assert (stored["effort"], stored["maxAttempts"]) == ("xhigh", 1)
    assert stored["taskBudget"] == {"maxCostUsd": "0.1", "maxTokens": 200_000}
    assert stored["toolOptions"] == {
        "WebSearch": {"allowedDomains": ["example.com", "docs.example.com/a?b"], "maxUses": 3},
        "WebFetch": {"blockedDomains": ["xn--bcher-kva.example"], "maxContentTokens": 20_000},
    }
    assert stored["outputSchema"] == schema


@pytest.mark.parametrize("document", [None, [], "id: a", 3])
def test_something_else_than_a_mapping(document: object) -> None:
    assert complaint(document) == "an agent definition is a mapping that begins with 'id:' and 'name:'"


def test_every_wrong_field_has_its_line() -> None:
    lines = complaint({"id": "Writer!", "maxTurns": 0, "colour": "red"}).splitlines()
    assert lines[0] == ("id: must be 1–64 lower-case letters, digits, '-' or '_', such as 'report-writer'")
    assert lines[1] == "name: is required"
    assert lines[2].startswith("maxTurns: Input should be greater than or equal to 1")
    assert lines[3].startswith("colour: unknown field; known fields are id, name, description, systemPrompt")
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("maxTurns", [0, 1_001, "30", 3.5, True]),
        ("maxTokens", [0, 128_001]),
        ("timeoutMs", [999, 1_800_001]),
        ("queueTimeoutMs", [999, 7 * 86_400_000 + 1]),
        ("maxConcurrentTasks", [0, 5_001, "5", 2.0, True]),
        ("maxPendingTasks", [0, 100_001]),
        ("enabled", ["yes", 1]),
        ("name", ["", "x" * 201, " "]),
        ("model", ["", "-x", "a b", "x" * 201]),
        ("systemPrompt", ["x" * 100_001]),
        ("projectId", ["Demo", ""]),
        ("allowedTools", [["Fly"], ["mcp__"], ["mcp__x"], "Read"]),
        ("effort", ["", "extreme", 3]),
        ("maxAttempts", [0, 11, "3", True]),
        ("taskBudget.maxCostUsd", [{"maxCostUsd": value} for value in (0, -1, "x", True, 1e7, 1e-7)]),
        ("taskBudget.maxCostUsd", [{"maxCostUsd": float(text)} for text in ("nan", "inf")]),
        ("taskBudget.maxTokens", [{"maxTokens": value} for value in (0, 1.5, "9", 10**13)]),
        ("taskBudget: ", [{}, {"maxTokens": None}, 3]),
        ("outputSchema", ["text", {}, {"type": "object"}, [], False]),
        ("skills", [[{"id": "a"}], [{"id": "a", "name": "A", "description": "D", "level": 3}]]),
    ],
)
def test_bounds_and_types(field: str, values: list[object]) -> None:
    name = field.rstrip(": ").partition(".")[0]
    for value in values:
        assert complaint({"id": "writer", "name": "Writer", name: value}).startswith(field)


@pytest.mark.parametrize("value", [0, 5_001])
def test_a_limit_that_is_none_is_refused_with_the_fix(value: int) -> None:
    assert complaint({"id": "writer", "name": "Writer", "maxConcurrentTasks": value}) == (
        "maxConcurrentTasks: must be a whole number from 1 to 5,000, or null (or left out) for no limit"
    )


@pytest.mark.parametrize("value", [1, 5_000, None])
def test_a_limit_is_kept_as_given(value: int | None) -> None:
    assert parse(maxConcurrentTasks=value).to_stored()["maxConcurrentTasks"] == value


def test_an_unknown_tool_is_named_with_the_known_ones() -> None:
    text = complaint({"id": "writer", "name": "Writer", "allowedTools": ["Read", "Fly", "Swim"]})
    assert text.startswith("allowedTools: unknown tool Fly, Swim; known are Bash, CodeExecution, Edit")
    assert text.endswith("mcp__<server>__<tool>")


SEARCH = {"id": "writer", "name": "Writer", "allowedTools": ["WebSearch", "WebFetch"]}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"WebSearch": {"allowedDomains": ["a.com"], "blockedDomains": ["b.com"]}},
            "toolOptions.WebSearch.blockedDomains: cannot be given beside allowedDomains; leave one",
        ),
        (
            {"WebFetch": {"blockedDomains": ["https://a.com"]}},
            "toolOptions.WebFetch.blockedDomains: https://a.com is no domain; write it without https://,",
        ),
        ({"WebSearch": {"allowedDomains": ["раураl.com"]}}, "toolOptions.WebSearch.allowedDomains: ра"),
        ({"WebSearch": {"allowedDomains": ["localhost"]}}, "toolOptions.WebSearch.allowedDomains: local"),
        (
            {"WebSearch": {"allowedDomains": ["a.com, b.com"]}},
            "toolOptions.WebSearch.allowedDomains: a.com, b",
        ),
        ({"WebSearch": {"allowedDomains": []}}, "toolOptions.WebSearch.allowedDomains: List should have at"),
        ({"WebSearch": {"allowedDomains": "a.com"}}, "toolOptions.WebSearch.allowedDomains: Input should be"),
        (
            {"WebSearch": {"maxUses": 0}},
            "toolOptions.WebSearch.maxUses: Input should be greater than or equal",
        ),
        (
            {"WebFetch": {"maxContentTokens": True}},
            "toolOptions.WebFetch.maxContentTokens: Input should be a",
        ),
        (
            {"WebSearch": {"maxContentTokens": 1}},
            "toolOptions.WebSearch.maxContentTokens: unknown field; known fields are allowedDomains, blocked",
        ),
        ({"Read": {"maxUses": 1}}, "toolOptions.Read: unknown field; known fields are WebSearch, WebFetch"),
        ({"webSearch": {}}, "toolOptions.webSearch: unknown field; known fields are WebSearch, WebFetch"),
    ],
)
def test_tool_options_that_cannot_be(options: dict[str, Any], text: str) -> None:
    assert complaint(SEARCH | {"toolOptions": options}).startswith(text)


def test_options_are_for_tools_that_are_allowed() -> None:
    document = SEARCH | {"allowedTools": ["WebFetch"], "toolOptions": {"WebSearch": {"maxUses": 1}}}
    assert complaint(document) == (
        "toolOptions: WebSearch is not in allowedTools; add it there, or leave its options out"
    )


def test_every_problem_of_an_output_schema_has_its_line() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}
    assert complaint({"id": "writer", "name": "Writer", "outputSchema": schema}).splitlines() == [
        "outputSchema: add 'additionalProperties: false'; Claude's structured outputs ask it of every object",
        "outputSchema.properties.a.maxLength: Claude's structured outputs do not take this here; say it in"
        " 'description' instead",
    ]


def test_an_unknown_field_of_a_skill_is_named_with_the_known_ones() -> None:
    skill = {"id": "a", "name": "A", "description": "D", "level": 3}
    assert complaint({"id": "writer", "name": "Writer", "skills": [skill]}) == (
        "skills.0.level: unknown field; known fields are id, name, description, tags, examples"
    )


def test_snake_case_is_not_taken_for_a_field() -> None:
    assert complaint({"id": "writer", "name": "Writer", "max_turns": 3}).startswith(
        "max_turns: unknown field"
    )


def test_an_alias_becomes_an_id_and_an_id_stays() -> None:
    aliases = {"sonnet": "claude-sonnet-4-5"}
    assert resolve_model("sonnet", aliases) == "claude-sonnet-4-5"
    assert resolve_model("claude-x", aliases) == "claude-x"


def test_models_may_stand_in() -> None:
    fallbacks = {"onRefusal": "default", "onOverload": ["opus", "claude-haiku-5-5"]}
    assert parse(fallbacks=fallbacks).to_stored()["fallbacks"] == fallbacks
    named = parse(fallbacks={"onRefusal": ["claude-opus-4-8"]}).to_stored()["fallbacks"]
    assert named == {"onRefusal": ["claude-opus-4-8"], "onOverload": []}


@pytest.mark.parametrize(
    ("fallbacks", "problem"),
    [
        ({"onRefusal": "opus"}, "fallbacks.onRefusal: must be default or a list of 1 to 3 different models"),
        ({"onRefusal": []}, "fallbacks.onRefusal: must be default or a list of 1 to 3 different models"),
        ({"onRefusal": ["a", "b", "c", "d"]}, "a list of 1 to 3 different models"),
        ({"onOverload": ["opus", "opus"]}, "fallbacks.onOverload: must be a list of 1 to 3 different models"),
        ({"onOverload": [{"model": "opus"}]}, "such as [opus]"),
        ({"onOverload": ["opus 5"]}, "such as [opus]"),
        ({"onOverload": ["sonnet"]}, "fallbacks: sonnet is the agent's own model; leave it out"),
        ({"onError": ["opus"]}, "fallbacks.onError: unknown field; known fields are onRefusal, onOverload"),
    ],
)
def test_what_stands_in_is_named_rightly(fallbacks: object, problem: str) -> None:
    assert problem in complaint({"id": "writer", "name": "Writer", "fallbacks": fallbacks})


@pytest.mark.parametrize(
    ("hosts", "complaint_of"),
    [
        (["https://example.com"], "artifactHosts: https://example.com is no host on the internet"),
        (["10.0.0.1"], "10.0.0.1 is no host"),
        (["db.internal", "*.example.com"], "db.internal, *.example.com is no host"),
    ],
)
def test_hosts_of_links_are_names_on_the_internet(hosts: list[str], complaint_of: str) -> None:
    assert complaint_of in complaint({"id": "a", "name": "A", "artifactHosts": hosts})


def test_hosts_of_links_are_kept_in_lower_case() -> None:
    assert parse(artifactHosts=["Files.Example.com"]).artifact_hosts == ["files.example.com"]


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({}, "afterUntrusted: give either deny or allow"),
        ({"deny": ["Read"], "allow": ["Read"]}, "afterUntrusted: give either deny or allow"),
        ({"deny": []}, "afterUntrusted.deny:"),
        ({"deny": ["WebFetch"]}, "afterUntrusted.deny: WebFetch cannot be denied or allowed here"),
        ({"allow": ["mcp__docs__search"]}, "it runs at Claude's API"),
        ({"deny": ["Write"]}, "afterUntrusted: Write is not in allowedTools"),
        ({"refuse": ["Read"]}, "afterUntrusted.refuse: unknown field; known fields are deny, allow"),
    ],
)
def test_what_cannot_be_denied_after_content_from_outside(option: object, problem: str) -> None:
    tools = ["Read", "WebFetch", "mcp__docs__search"]
    document = {"id": "a", "name": "A", "allowedTools": tools, "afterUntrusted": option}
    assert problem in complaint(document)
