"""What happened to a task, through the real handlers, with the stand-in for Claude."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.integration.support.account import AGENT, OTHER_PROJECT, PROJECT
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Caller
from tests.integration.support.worker import Worker

TOOLS = ["report_progress", "save_artifact", "Write"]


@pytest.fixture
def api(start: Callable[..., ModuleType], worker: Worker) -> ModuleType:
    """Of the account that the worker works for."""
    worker.account.add_agent(AGENT, PROJECT, allowedTools=TOOLS)
    return start("api")


@pytest.fixture
def path(api: ModuleType, worker: Worker) -> str:
    """A task that has used tools and ended."""

    def call(tool: str, **arguments: Any) -> str:
        return f"tool={tool}:{json.dumps(arguments)}"

    written = call("Write", file_path="notes.md", content="SECRET")
    saved = call("save_artifact", name="a.md", media_type="text/markdown", content="SECRET")
    message = f"[[standin: {written}; {saved} | say=SECRET]]"
    accepted = Caller(api.handler, PROJECT).post(AGENT, {"message": message})
    worker.work()
    checked: str = accepted.body["checkUrl"]
    return checked


def test_a_timeline_of_turns_and_tools(api: ModuleType, path: str) -> None:
    caller = Caller(api.handler, PROJECT)

    answer = caller.get(f"{path}/timeline")

    task, body = caller.get(path).body, answer.body
    assert (answer.status, body["status"]) == (200, "completed")
    assert (body["createdAt"], body["endedAt"]) == (task["createdAt"], task["completedAt"])
    kinds = [(step["kind"], step.get("name"), step.get("outcome")) for step in body["steps"]]
    assert sorted(kinds, key=str) == sorted(
        [
            ("wait", "start", None),
            ("attempt", None, "completed"),
            ("turn", None, None),
            ("tool", "Write", "ok"),
            ("tool", "save_artifact", "ok"),
            ("event", "artifact", None),
            ("turn", None, None),
        ],
        key=str,
    )
    turns = [step for step in body["steps"] if step["kind"] == "turn"]
    assert sum(turn["usage"]["outputTokens"] for turn in turns) == task["usage"]["outputTokens"]
    assert sum(turn["usage"]["costUsd"] for turn in turns) == pytest.approx(task["usage"]["costUsd"])
    assert [step["startedAt"] for step in body["steps"]] == sorted(
        step["startedAt"] for step in body["steps"]
    )
    assert body["children"] == []
    assert "SECRET" not in answer.text


def test_a_foreign_task_is_like_a_missing_one(api: ModuleType, path: str) -> None:
    rival, caller = Caller(api.handler, OTHER_PROJECT), Caller(api.handler, PROJECT)

    foreign = rival.get(f"{path}/timeline")
    missing = caller.get(f"{path[:-4]}0000/timeline")

    assert (foreign.status, foreign.code) == (404, "TASK_NOT_FOUND")
    assert foreign.text == missing.text


def test_it_costs_two_reads(api: ModuleType, path: str, worker: Worker) -> None:
    worker.account.calls.made.clear()

    Caller(api.handler, PROJECT).get(f"{path}/timeline")

    operations = [call.operation for call in worker.account.calls.made]
    assert operations.count("Query") == 2
    assert "GetObject" not in operations


def test_storage_that_does_not_answer_means_try_again(api: ModuleType, path: str, worker: Worker) -> None:
    worker.account.calls.fail("Query", Fault.THROTTLED)

    assert Caller(api.handler, PROJECT).get(f"{path}/timeline").status == 503
