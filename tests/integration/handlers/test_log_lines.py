"""What a task leaves in the logs: its story, in few bytes, which CloudWatch charges for."""

import json
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import Status
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.caller import REQUEST_ID, Caller
from tests.integration.support.worker import Worker

OVERHEAD = 26
"""What CloudWatch Logs adds to each event (PutLogEvents, AWS's reference)."""
MOST_BYTES = 1_024
"""Of a task with one turn, at INFO, where a worker has ten at a time."""
TASKS = 10


def charged(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + OVERHEAD for line in lines)


def parsed(lines: Iterable[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_tasks_tell_their_stories_in_a_kilobyte_each(
    start: Callable[..., ModuleType],
    start_worker: Callable[..., Worker],
    capsys: pytest.CaptureFixture[str],
) -> None:
    # here, so that their loggers write into what is captured here
    caller, worker = Caller(start("api").handler, PROJECT), start_worker()
    accepted = [caller.post(AGENT, {"message": "[[standin: say=42]]"}).body["taskId"] for _ in range(TASKS)]
    worker.deliver()
    polled = [caller.get(f"/a2a/{AGENT}/tasks/{task_id}").body["status"] for task_id in accepted]
    assert polled == [Status.COMPLETED] * TASKS

    written = capsys.readouterr().out.splitlines()
    assert charged(written) <= MOST_BYTES * TASKS

    told = [line for line in parsed(written) if line.get("task_id") == accepted[0]]
    ids = {
        "task_id": accepted[0],
        "agent_id": AGENT,
        "project_id": PROJECT,
        "correlation_id": REQUEST_ID,
        "level": "INFO",
    }
    assert [ids.items() <= line.items() for line in told] == [True, True]
    begun, ended = ({name: line[name] for name in line.keys() - ids} for line in told)
    assert begun == {"message": "task accepted", "service": "api"}
    assert (ended["message"], ended["service"]) == ("task completed", "worker")
    assert (ended["attempts"], ended["turns"]) == (1, 1)
    assert 0 <= ended["wait_seconds"] <= ended["seconds"]
    assert ended["run_seconds"] <= ended["seconds"]
    assert ended["tokens"] > 0
    assert ended["cost_usd"] > 0
    assert len(ended) == 9


def test_a_line_of_trouble_leads_to_its_invocation(
    start: Callable[..., ModuleType], agents: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = Caller(start("api").handler, PROJECT)
    agents.calls.fail("UpdateItem")  # of the rate limit
    caller.post(AGENT, {"message": "[[standin: say=42]]"})

    (line,) = [line for line in parsed(capsys.readouterr().out.splitlines()) if line.get("level") == "ERROR"]
    assert line["message"] == "rate limit not checked"
    assert line["function_request_id"] == "5f3f2f60-3c7f-4a33-9c1a-0d2f4f4a7c11"
    assert line["correlation_id"] == REQUEST_ID
