"""Agent definitions: what is wrong is said by field, and with what to write instead."""

from typing import Any

import pytest

from a2a_tasks.domain.agent import resolve_model
from a2a_tasks.domain.agent_definition import InvalidAgent, parse_agent


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
        "maxTurns": 30,
        "maxTokens": 16_000,
        "timeoutMs": 300_000,
        "maxConcurrentTasks": 5,
        "enabled": True,
        "allowedTools": [],
        "skills": [],
    }


def test_a_full_definition() -> None:
    agent = parse(
        projectId="demo",
        model="claude-sonnet-4-5",
        allowedTools=["Read", "WebSearch", "mcp__git-hub__list_issues", "save_artifact"],
        skills=[{"id": "report", "name": "Report", "description": "Reports.", "tags": ["writing"]}],
    )
    assert agent.project_id == "demo"
    assert agent.to_stored()["skills"] == [
        {"id": "report", "name": "Report", "description": "Reports.", "tags": ["writing"], "examples": []}
    ]


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
        ("maxConcurrentTasks", [0, 51]),
        ("enabled", ["yes", 1]),
        ("name", ["", "x" * 201, " "]),
        ("model", ["", "-x", "a b", "x" * 201]),
        ("systemPrompt", ["x" * 100_001]),
        ("projectId", ["Demo", ""]),
        ("allowedTools", [["Fly"], ["mcp__"], ["mcp__x"], "Read"]),
        ("skills", [[{"id": "a"}], [{"id": "a", "name": "A", "description": "D", "level": 3}]]),
    ],
)
def test_bounds_and_types(field: str, values: list[object]) -> None:
    for value in values:
        assert complaint({"id": "writer", "name": "Writer", field: value}).startswith(field)


def test_an_unknown_tool_is_named_with_the_known_ones() -> None:
    text = complaint({"id": "writer", "name": "Writer", "allowedTools": ["Read", "Fly", "Swim"]})
    assert text.startswith("allowedTools: unknown tool Fly, Swim; known are Bash, CodeExecution, Edit")
    assert text.endswith("mcp__<server>__<tool>")


def test_snake_case_is_not_taken_for_a_field() -> None:
    assert complaint({"id": "writer", "name": "Writer", "max_turns": 3}).startswith(
        "max_turns: unknown field"
    )


def test_an_alias_becomes_an_id_and_an_id_stays() -> None:
    aliases = {"sonnet": "claude-sonnet-4-5"}
    assert resolve_model("sonnet", aliases) == "claude-sonnet-4-5"
    assert resolve_model("claude-x", aliases) == "claude-x"
