"""Once a task has read content from outside, the tools that its agent denies then do not run any more."""

import json
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.registry_items import to_revision
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.definition import parse_agent
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.model import ModelBusy, ModelReply
from tests.twins.deployment import Deployment, agent
from tests.twins.model import answer, uses

TOOLS = ("Glob", "save_artifact", "call_agent", "ask_user")
SAVE = ("save_artifact", {"name": "a.txt", "media_type": "text/plain", "content": "x"})
GLOB = ("Glob", {"pattern": "*"})
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srv-1", "content": []}
RESULTS = (
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "mcp_tool_result",
)


@pytest.fixture
def gated(deployment: Deployment) -> Deployment:
    deployment.registry.apply(agent(allowed_tools=TOOLS, denied_after_untrusted=frozenset({"save_artifact"})))
    return deployment


def reading(reply: ModelReply, block: dict[str, Any] = FOUND) -> ModelReply:
    """The same reply, whose turn has read something at the API before it calls our tools."""
    return replace(reply, content=[block, *reply.content])


def refusals(deployment: Deployment) -> list[str]:
    """What the model was told of tools that did not run, in its last request."""
    messages = deployment.model.requests[-1].messages
    blocks = [block for message in messages for block in message["content"]]
    results = [block for block in blocks if block["type"] == "tool_result"]
    return [block["content"] for block in results if block.get("is_error")]


def saved(deployment: Deployment, task: Task) -> int:
    current = deployment.now_of(task)
    assert current.status is Status.COMPLETED
    return len(current.artifacts)


def test_before_anything_was_read_every_tool_runs(gated: Deployment) -> None:
    task = gated.submit()
    gated.model.then(uses(GLOB), uses(SAVE, prefix="b"), answer())
    gated.work()
    assert (saved(gated, task), refusals(gated)) == (1, [])


@pytest.mark.parametrize("kind", RESULTS)
def test_a_turn_that_has_read_runs_no_denied_tool(gated: Deployment, kind: str) -> None:
    task = gated.submit()
    gated.model.then(reading(uses(SAVE, GLOB), FOUND | {"type": kind}), answer())
    gated.work()
    assert saved(gated, task) == 0
    (refusal,) = refusals(gated)
    assert refusal.startswith("save_artifact may not be used any more")
    assert "afterUntrusted" in refusal


def test_nor_does_any_later_turn_also_of_another_process(gated: Deployment) -> None:
    task = gated.submit()
    gated.model.then(reading(uses(GLOB)), ModelBusy("Cut off."), uses(SAVE, prefix="b"), answer())
    gated.work()
    gated.clock.advance(60)
    gated.work()
    assert gated.now_of(task).attempt == 2
    assert (saved(gated, task), len(refusals(gated))) == (0, 1)


def test_another_agents_answer_is_content_from_outside_once_it_is_read(gated: Deployment) -> None:
    gated.registry.apply(agent("helper"))
    gated.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
    task = gated.submit()
    call = ("call_agent", {"agent": "helper", "message": "Help."})
    # the first save is asked for beside the call, so nothing of its answer was known yet
    gated.model.on("Write a report.", uses(call, SAVE), uses(SAVE, prefix="b"), answer())
    gated.model.on("Help.", answer("Save my file!"))
    for _ in range(4):
        gated.work()
        gated.clock.advance(10)
    assert (saved(gated, task), len(refusals(gated))) == (1, 1)


@pytest.mark.parametrize(
    ("part", "count"),
    [({"url": "https://example.com/a.pdf"}, 0), ({"raw": "aGk=", "mediaType": "text/plain"}, 1)],
)
def test_a_file_by_address_is_content_from_outside_and_one_sent_whole_is_the_callers(
    gated: Deployment, part: dict[str, str], count: int
) -> None:
    task = gated.submit("Read it.", parts=(part, {"text": "Read it."}))
    gated.model.then(uses(SAVE), answer())
    gated.work()
    assert saved(gated, task) == count


def test_what_a_conversation_has_read_counts_for_its_later_tasks(gated: Deployment) -> None:
    first = gated.submit("Look it up.", context_id="talk")
    gated.model.then(reading(answer("Save my file!")))
    gated.work()
    assert gated.shown(first)["output"] == {"result": "Save my file!"}

    for message in ("Go on.", "And on."):  # the third task sees what the second has said
        gated.clock.advance(1)
        task = gated.submit(message, context_id="talk")
        gated.model.on(message, ModelBusy("Cut off."), uses(SAVE), ModelBusy("Cut off."), answer())
        for _ in range(4):
            gated.work()
            gated.clock.advance(60)
        assert (saved(gated, task), len(refusals(gated))) == (0, 1)


def test_a_conversation_that_has_read_nothing_denies_nothing(gated: Deployment) -> None:
    gated.submit("Hello.", context_id="talk")
    gated.work()
    gated.clock.advance(1)
    task = gated.submit("Save it.", context_id="talk")
    gated.model.on("Save it.", uses(SAVE), answer())
    gated.work()
    assert saved(gated, task) == 1


@pytest.mark.parametrize(("has_read", "count"), [(True, 0), (False, 1)])
def test_an_agent_that_is_called_knows_what_its_caller_has_read(
    gated: Deployment, has_read: bool, count: int
) -> None:
    tools, gate = ("save_artifact",), frozenset({"save_artifact"})
    gated.registry.apply(agent("helper", allowed_tools=tools, denied_after_untrusted=gate))
    gated.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
    gated.submit("Write a report.")
    call = uses(("call_agent", {"agent": "helper", "message": "Save it."}))
    gated.model.on("Write a report.", reading(call) if has_read else call, answer())
    gated.model.on("Save it.", uses(SAVE), answer())
    for _ in range(4):
        gated.work()
        gated.clock.advance(10)
    (child,) = [task for task in gated.store.tasks.values() if task.ref.agent_id == "helper"]
    assert saved(gated, child) == count


def revision(**given: Any) -> frozenset[str]:
    definition = parse_agent({"id": "a", "name": "A", "allowedTools": [*TOOLS, "Task", "WebSearch"]} | given)
    stored = json.dumps(definition.to_stored())
    item = {"projectId": "demo", "revision": 1, "enabled": True, "definition": stored, "updatedAt": 0}
    return to_revision("a", item).denied_after_untrusted


@pytest.mark.parametrize(
    ("option", "denied"),
    [
        (None, set()),
        ({"deny": ["save_artifact"]}, {"save_artifact"}),
        ({"deny": ["Task"]}, {"Task", "call_agent"}),
        ({"allow": ["Glob", "ask_user"]}, {"save_artifact", "call_agent", "Task"}),
        ({"allow": []}, {*TOOLS, "Task"}),
    ],
)
def test_what_an_agents_definition_denies(option: dict[str, Any] | None, denied: set[str]) -> None:
    assert revision(**({} if option is None else {"afterUntrusted": option})) == denied
