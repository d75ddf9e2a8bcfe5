"""GET /a2a/{agentId}/tasks/{taskId}/events, through the real handlers of the api and the worker."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import Status, Task, iso8601
from local.standin.client import StandInClient
from tests.integration.support.account import AGENT, OTHER_AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.stored_task import STATES, canceled, claimed, created
from tests.integration.support.worker import Worker

MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
TOOLS = ["report_progress", "save_artifact", "Write", "Read"]
STEPS = (
    'tool=report_progress:{"step": "写报告", "percent": 10}; tool=Write:{"file_path": "a", "content": "b"}',
    'tool=save_artifact:{"name": "a.md", "media_type": "text/markdown", "content": "# a"}',
    "say=Finished.",
)
STORY = [
    {"type": "status", "status": "pending"},
    {"type": "status", "status": "running", "attempt": 1},
    {"type": "turn", "turn": 1, "tools": ["report_progress", "Write"]},
    {"type": "progress", "step": "写报告", "percent": 10},
    {"type": "tool", "tool": "Write"},
    {"type": "turn", "turn": 2, "tools": ["save_artifact"]},
    {"type": "artifact", "name": "a.md"},
    {"type": "status", "status": "completed"},
]


@pytest.fixture
def now(api: ModuleType) -> int:
    """The present of the function's own clock."""
    moment: int = api.services.submitter.clock.now()
    return moment


def path_of(task: Task, query: str = "") -> str:
    return f"/a2a/{task.ref.agent_id}/tasks/{task.ref.task_id}/events{query}"


def told(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events without what differs in each run."""
    assert [event["id"] for event in events] == [str(number) for number in range(1, len(events) + 1)]
    varying = ("id", "at", "artifactId")
    return [{name: value for name, value in event.items() if name not in varying} for event in events]


@pytest.fixture
def at_work(worker: Worker, start: Callable[..., ModuleType]) -> tuple[Worker, Caller]:
    """A worker, and a caller whose agent may use tools."""
    worker.account.add_agent(AGENT, PROJECT, allowedTools=TOOLS)
    return worker, Caller(start("api").handler, PROJECT)


def submitted(caller: Caller) -> str:
    """A new task that goes through all the steps; the path of its events."""
    accepted = caller.post(AGENT, {"message": f"[[standin: {' | '.join(STEPS)}]]"})
    return f"{accepted.body['checkUrl']}/events"


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_follower_reads_each_event_once_in_order(
    at_work: tuple[Worker, Caller], claude: StandInClient, limit: int
) -> None:
    worker, caller = at_work
    path = submitted(caller)
    worker.work()

    events: list[dict[str, Any]] = []
    cursor = "0"
    while page := caller.get(f"{path}?after={cursor}&limit={limit}&wait=20").body:
        assert len(page["events"]) <= limit
        events += page["events"]
        cursor = page["nextCursor"]
        if not page["events"]:
            break

    assert told(events) == STORY
    assert page == {"events": [], "nextCursor": str(len(STORY)), "taskStatus": "completed"}
    assert len(claude.calls()) == 3


def test_every_write_that_is_sent_twice_is_told_once(
    at_work: tuple[Worker, Caller], claude: StandInClient
) -> None:
    worker, caller = at_work
    path = submitted(caller)
    worker.account.calls.fail("UpdateItem", Fault.SENT_TWICE, times=100)
    worker.work()

    assert told(caller.get(path).body["events"]) == STORY
    assert len(claude.calls()) == 3


def test_an_event_says_when_it_was(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now)
    claimed(account.store, task, now + 5)

    answer = caller.get(path_of(task))

    assert answer.status == 200
    assert answer.body == {
        "events": [
            {"id": "1", "at": iso8601(now), "type": "status", "status": "pending"},
            {"id": "2", "at": iso8601(now + 5), "type": "status", "status": "running", "attempt": 1},
        ],
        "nextCursor": "2",
        "taskStatus": "running",
    }


def test_reading_costs_one_read(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now)
    account.calls.made.clear()

    caller.get(path_of(task, "?wait=20"))

    assert [call.operation for call in account.calls.made] == ["Query"]


@pytest.mark.parametrize("state", [Status.PENDING, Status.RUNNING])
def test_a_task_past_its_deadline_is_settled_first(
    caller: Caller, account: Account, now: int, state: Status
) -> None:
    task = created(account.store, now - 10_000, deadline=now - 1_000)
    STATES[state](account.store, task, now - 9_000)

    body = caller.get(path_of(task)).body

    assert body["taskStatus"] == "failed"
    assert body["events"][-1].items() >= {"status": "failed", "code": "TIMEOUT"}.items()


def test_neither_a_task_nor_a_list_shows_events(caller: Caller, account: Account, now: int) -> None:
    task = canceled(account.store, created(account.store, now), now)

    (listed,) = caller.get(f"/a2a/{AGENT}/tasks").body["tasks"]

    assert "events" not in listed
    assert "events" not in caller.get(f"/a2a/{AGENT}/tasks/{task.ref.task_id}").body


def test_a_task_of_a_release_without_events_is_followed_from_now_on(
    caller: Caller, account: Account, now: int
) -> None:
    task = created(account.store, now, events=())

    before = caller.get(path_of(task)).body
    canceled(account.store, task, now)

    assert before == {"events": [], "nextCursor": "0", "taskStatus": "pending"}
    assert [event["status"] for event in caller.get(path_of(task)).body["events"]] == ["canceled"]


def test_a_wait_ends_with_the_next_event(
    caller: Caller, account: Account, api: ModuleType, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = created(account.store, now)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            claimed(account.store, task, now)

    monkeypatch.setattr(api.services, "tasks", replace(api.services.tasks, pause=pause))
    answer = caller.get(path_of(task, "?after=1&wait=20"))

    assert (answer.status, answer.body["nextCursor"], answer.body["taskStatus"]) == (200, "2", "running")
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=abc", "after"),
        ("after=2", "after"),
        (f"after={10**30}", "after"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("wait=-1", "wait"),
        ("wait=21", "wait"),
    ],
)
def test_a_wrong_query_is_refused_by_name(
    caller: Caller, account: Account, now: int, query: str, field: str
) -> None:
    answer = caller.get(path_of(created(account.store, now), f"?{query}"))

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in answer.body["details"]] == [field]


def test_what_is_not_yours_is_answered_like_what_does_not_exist(
    caller: Caller, rival: Caller, account: Account, now: int
) -> None:
    task = created(account.store, now)
    paths = [
        f"/a2a/{AGENT}/tasks/{MISSING_ID}/events",
        f"/a2a/nobody/tasks/{task.ref.task_id}/events",
        f"/a2a/{OTHER_AGENT}/tasks/{task.ref.task_id}/events",
        f"/a2a/{AGENT}/tasks/not-an-id/events",
    ]

    answers = [caller.get(path) for path in paths] + [rival.get(path_of(task, "?after=9"))]

    text = json.dumps({"error": "There is no such task.", "code": "TASK_NOT_FOUND"}, separators=(",", ":"))
    assert answers == [Answer(404, {"Content-Type": "application/json"}, text)] * len(answers)


def test_storage_that_does_not_answer_means_try_again(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now)
    account.calls.fail("Query", Fault.THROTTLED)

    answer = caller.get(path_of(task))

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
