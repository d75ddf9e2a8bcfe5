"""GET and DELETE of tasks, the list and the health check, through the real handler."""

import json
from dataclasses import replace
from decimal import Decimal
from types import ModuleType

import pytest
import requests

from a2a_tasks.domain.guards import guard_of_worker
from a2a_tasks.domain.task import (
    LIVE,
    Artifact,
    Lane,
    Payload,
    Priority,
    Progress,
    Question,
    Status,
    Task,
    iso8601,
)
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.tasks import Advance
from a2a_tasks.tasks import payload
from tests.integration.support.account import AGENT, OTHER_AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.stored_task import STATES, asking, claimed, completed, created, outcome
from tests.integration.support.texts import incompressible

MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
NOT_FOUND = Answer(
    404,
    {"Content-Type": "application/json"},
    '{"error":"There is no such task.","code":"TASK_NOT_FOUND"}',
)


@pytest.fixture
def now(api: ModuleType) -> int:
    """The present of the function's own clock."""
    moment: int = api.services.submitter.clock.now()
    return moment


def path_of(task: Task) -> str:
    return f"/a2a/{task.ref.agent_id}/tasks/{task.ref.task_id}"


def used(*figures: float) -> dict[str, float]:
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "turns", "costUsd")
    return dict(zip(names, figures, strict=True))


def test_a_task_just_created(caller: Caller, account: Account) -> None:
    accepted = caller.post(AGENT, {"message": "hello"})

    answer = caller.get(accepted.body["checkUrl"])

    task = account.store.page(AGENT, None, 1, None).tasks[0]
    assert answer.status == 200
    assert answer.body == {
        "taskId": accepted.body["taskId"],
        "agentId": AGENT,
        "status": "pending",
        "createdAt": iso8601(task.created_at),
        "updatedAt": iso8601(task.created_at),
        "attempts": 0,
    }


def test_a_running_task_says_since_when(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now - 2_000)
    claimed(account.store, task, now - 1_000)

    body = caller.get(path_of(task)).body

    assert (body["status"], body["attempts"]) == ("running", 1)
    assert (body["startedAt"], body["updatedAt"]) == (iso8601(now - 1_000), iso8601(now - 1_000))
    assert body["progress"] == {"turn": 1}
    assert not {"completedAt", "usage", "output"} & body.keys()


def test_a_running_task_says_what_it_does_and_what_it_has_used(
    caller: Caller, account: Account, now: int
) -> None:
    task = claimed(account.store, created(account.store, now), now)
    spent = (Spent(1, "no-price", Usage(10, 30, turns=2)),)
    advance = Advance(now + 5, spent=spent, turns=2, progress=Progress("WebSearch", "查找 sources", 40))
    account.store.advance(task.ref, 1, advance)

    body = caller.get(path_of(task)).body

    assert body["progress"] == {"turn": 3, "tool": "WebSearch", "step": "查找 sources", "percent": 40}
    assert (body["usage"]["turns"], body["usage"]["inputTokens"]) == (2, 10)
    assert "costUsd" not in body["usage"]


def test_a_delayed_task_says_when_it_may_start(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now, not_before=now + 60_000, deadline=now + 360_000)

    body = caller.get(path_of(task)).body

    assert (body["status"], body["notBefore"]) == ("pending", iso8601(now + 60_000))
    assert "startedAt" not in body


def test_priority_and_lane_are_shown_where_they_are_not_the_usual(
    caller: Caller, account: Account, now: int
) -> None:
    task = created(account.store, now, priority=Priority.HIGH, lane=Lane.BATCH)

    body = caller.get(path_of(task)).body

    assert (body["priority"], body["lane"]) == ("high", "batch")


def test_a_task_that_asks_shows_its_question(caller: Caller, account: Account, now: int) -> None:
    task = asking(account.store, created(account.store, now), now, Question("call-1", "哪个城市？"))

    body = caller.get(path_of(task)).body

    assert (body["status"], body["question"], body["attempts"]) == ("input_required", "哪个城市？", 0)
    caller.delete(path_of(task))
    assert "question" not in caller.get(path_of(task)).body


def test_artifacts_are_downloaded_by_their_links(caller: Caller, account: Account, now: int) -> None:
    task = claimed(account.store, created(account.store, now), now)
    data = "# 报告\n\x00".encode()
    key = payload.save_bytes(account.payloads, task.ref.task_id, "artifact-1-c", data, "text/markdown").key
    saved = (
        Artifact("call-1", "报告 1.md", "text/markdown", size_bytes=len(data), key=key),
        Artifact("call-2", "page", "text/html", url="https://example.com/"),
    )
    account.store.advance(task.ref, 1, Advance(now, artifacts=saved))
    account.calls.made.clear()

    body = caller.get(path_of(task)).body

    # a running task has no result yet; making links calls nobody
    assert body["output"].keys() == {"artifacts"}
    assert [call.operation for call in account.calls.made] == ["Query"]
    file, page = body["output"]["artifacts"]
    download = requests.get(file.pop("url"), timeout=5)
    assert (download.status_code, download.content) == (200, data)
    assert download.headers["Content-Type"] == "text/markdown"
    assert download.headers["Content-Disposition"].startswith("attachment; ")
    assert file == {
        "artifactId": "call-1",
        "name": "报告 1.md",
        "mediaType": "text/markdown",
        "sizeBytes": len(data),
    }
    assert page == {
        "artifactId": "call-2",
        "name": "page",
        "mediaType": "text/html",
        "url": "https://example.com/",
        "external": True,
    }


def test_artifacts_stand_beside_the_result(caller: Caller, account: Account, now: int) -> None:
    task = claimed(account.store, created(account.store, now), now)
    saved = (Artifact("call-2", "page", "text/html", url="https://example.com/"),)
    account.store.advance(task.ref, 1, Advance(now, artifacts=saved))
    done = outcome(Status.COMPLETED, now, output=Payload(inline='{"result":"42","data":{"n":42}}'))
    account.store.finish(task.ref, done, guard_of_worker(1))

    output = caller.get(path_of(task)).body["output"]

    assert (output["result"], output["data"], len(output["artifacts"])) == ("42", {"n": 42}, 1)
    assert "output" not in caller.get(f"/a2a/{AGENT}/tasks").body["tasks"][0]


def test_a_completed_task_has_output_and_usage(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now - 2_000)
    spent = (
        Spent(1, "claude-sonnet-5-5", Usage(10, 30, 5, 6, 1, Decimal("0.02"))),
        Spent(2, "claude-sonnet-5-5", Usage(1, 2, turns=1, cost_usd=Decimal("0.01"))),
        Spent(2, "claude-haiku-5-5", Usage(1, 2, turns=1, cost_usd=Decimal("0.005")), task_id=MISSING_ID),
    )
    completed(account.store, task, now - 1_000, Payload(inline='{"result":"报告 ✓"}'), spent)

    answer = caller.get(path_of(task))

    assert answer.body == {
        "taskId": task.ref.task_id,
        "agentId": AGENT,
        "status": "completed",
        "createdAt": iso8601(now - 2_000),
        "updatedAt": iso8601(now - 1_000),
        "startedAt": iso8601(now - 1_000),
        "completedAt": iso8601(now - 1_000),
        "attempts": 1,
        "output": {"result": "报告 ✓"},
        "usage": used(12, 34, 5, 6, 3, 0.035)
        | {
            "byModel": [
                {"model": "claude-sonnet-5-5"} | used(11, 32, 5, 6, 2, 0.03),
                {"model": "claude-haiku-5-5"} | used(1, 2, 0, 0, 1, 0.005),
            ],
            "byAttempt": [
                {"attempt": 1} | used(10, 30, 5, 6, 1, 0.02),
                {"attempt": 2} | used(2, 4, 0, 0, 2, 0.015),
            ],
        },
    }
    assert "报告" in answer.text


def test_a_failed_task_says_why(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now)
    STATES[Status.FAILED](account.store, task, now)

    body = caller.get(path_of(task)).body

    assert body["status"] == "failed"
    assert body["errorDetails"] == {"message": "It broke.", "code": "EXECUTION_ERROR"}


def test_a_result_of_two_megabytes_comes_whole(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now)
    text = "测x" * 500_000
    output = payload.save(account.payloads, task.ref.task_id, "output-1", {"result": text})
    completed(account.store, task, now, output)

    answer = caller.get(path_of(task))

    assert output.inline is None
    assert answer.body["output"] == {"result": text}


def test_reading_costs_one_read(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now)
    completed(account.store, task, now, Payload(inline='{"result":"42"}'))
    account.calls.made.clear()

    caller.get(path_of(task))

    assert [call.operation for call in account.calls.made] == ["Query"]


@pytest.mark.parametrize("state", [Status.PENDING, Status.RUNNING])
def test_reading_past_the_deadline_settles_the_task(
    caller: Caller, account: Account, now: int, state: Status
) -> None:
    task = created(account.store, now - 10_000, deadline=now - 1_000)
    STATES[state](account.store, task, now - 9_000)

    body = caller.get(path_of(task)).body

    assert (body["status"], body["errorDetails"]["code"]) == ("failed", "TIMEOUT")
    assert body["errorDetails"]["message"] == "The task did not finish within its timeout of 9 s."
    stored = account.store.get(task.ref)
    assert stored is not None
    assert (stored.status, stored.due_at) == (Status.FAILED, None)


@pytest.mark.parametrize("text", [incompressible(3_000), incompressible(12_000)])
def test_an_output_that_was_altered_is_not_shown(
    caller: Caller, account: Account, now: int, text: str
) -> None:
    task = created(account.store, now)
    output = payload.save(account.payloads, task.ref.task_id, "output-1", {"result": text})
    completed(account.store, task, now, output)
    assert output.key
    account.payloads.put(output.key, b'{"result":"forged"}')

    answer = caller.get(path_of(task))

    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert "forged" not in answer.text


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_is_not_yours_is_answered_like_what_does_not_exist(
    caller: Caller, rival: Caller, account: Account, now: int, method: str
) -> None:
    task = created(account.store, now)
    paths = [
        f"/a2a/{AGENT}/tasks/{MISSING_ID}",
        f"/a2a/nobody/tasks/{task.ref.task_id}",
        f"/a2a/{OTHER_AGENT}/tasks/{task.ref.task_id}",
        f"/a2a/{AGENT}/tasks/not-an-id",
        f"/a2a/{AGENT}/tasks/{task.ref.task_id.upper()}",
    ]

    answers = [caller.send(method, path) for path in paths] + [rival.send(method, path_of(task))]

    assert answers == [NOT_FOUND] * len(answers)
    assert account.store.get(task.ref) == task


@pytest.mark.parametrize("path", ["/", "/a2a", "/a2a/assistant", "/a2a/assistant/tasks/x/y", "/health/x"])
def test_other_routes_do_not_exist(caller: Caller, path: str) -> None:
    answer = caller.get(path)

    assert answer.status == 404
    assert answer.body == {"error": "There is no such route.", "code": "NOT_FOUND"}


def test_tasks_are_listed_newest_first_page_by_page(caller: Caller, account: Account, now: int) -> None:
    tasks = [created(account.store, now - n) for n in range(5)]

    first = caller.get(f"/a2a/{AGENT}/tasks?limit=2").body
    second = caller.get(f"/a2a/{AGENT}/tasks?limit=2&cursor={first['nextCursor']}").body
    third = caller.get(f"/a2a/{AGENT}/tasks?limit=2&cursor={second['nextCursor']}").body

    listed = [task["taskId"] for page in (first, second, third) for task in page["tasks"]]
    assert listed == [task.ref.task_id for task in tasks]
    assert [len(page["tasks"]) for page in (first, second, third)] == [2, 2, 1]
    assert set(third) == {"tasks"}


def test_twenty_tasks_make_a_page_unless_a_limit_is_given(caller: Caller, account: Account, now: int) -> None:
    for n in range(21):
        created(account.store, now - n)

    page = caller.get(f"/a2a/{AGENT}/tasks").body

    assert len(page["tasks"]) == 20
    assert page["nextCursor"]


def test_an_empty_list(caller: Caller) -> None:
    answer = caller.get(f"/a2a/{AGENT}/tasks")

    assert (answer.status, answer.text) == (200, '{"tasks":[]}')


@pytest.mark.parametrize("status", list(STATES))
def test_a_list_can_be_of_one_state(caller: Caller, account: Account, now: int, status: Status) -> None:
    tasks = {
        state: bring(account.store, created(account.store, now, number=n), now)
        for n, (state, bring) in enumerate(STATES.items())
    }

    listed = caller.get(f"/a2a/{AGENT}/tasks?status={status}").body

    assert [task["taskId"] for task in listed["tasks"]] == [tasks[status].ref.task_id]
    assert "output" not in listed["tasks"][0]


def test_a_list_settles_what_is_past_its_deadline(caller: Caller, account: Account, now: int) -> None:
    created(account.store, now - 10_000, deadline=now - 1_000)

    pending = caller.get(f"/a2a/{AGENT}/tasks?status=pending").body
    everything = caller.get(f"/a2a/{AGENT}/tasks").body

    assert pending["tasks"] == []
    assert [task["status"] for task in everything["tasks"]] == ["failed"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("status=done", "status"),
        ("cursor=abc", "cursor"),
        ("cursor=", "cursor"),
    ],
)
def test_a_wrong_query_is_refused_by_name(caller: Caller, query: str, field: str) -> None:
    answer = caller.get(f"/a2a/{AGENT}/tasks?{query}")

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in answer.body["details"]] == [field]


def test_a_cursor_of_another_agents_list_shows_no_foreign_task(
    caller: Caller, rival: Caller, account: Account, now: int
) -> None:
    own = created(account.store, now - 1_000)
    created(account.store, now, number=1, agent_id=OTHER_AGENT)
    created(account.store, now, number=2, agent_id=OTHER_AGENT)
    foreign = rival.get(f"/a2a/{OTHER_AGENT}/tasks?limit=1").body["nextCursor"]

    page = caller.get(f"/a2a/{AGENT}/tasks?cursor={foreign}").body

    assert [task["taskId"] for task in page["tasks"]] == [own.ref.task_id]


def test_a_foreign_agents_list_is_answered_like_a_missing_ones(caller: Caller) -> None:
    missing = caller.get("/a2a/nobody/tasks")
    foreign = caller.get(f"/a2a/{OTHER_AGENT}/tasks")

    assert missing == foreign
    assert (missing.status, missing.code) == (404, "AGENT_NOT_FOUND")


@pytest.mark.parametrize("state", sorted(LIVE))
def test_a_live_task_is_canceled_and_canceled_again_alike(
    caller: Caller, account: Account, now: int, state: Status
) -> None:
    task = created(account.store, now)
    STATES[state](account.store, task, now)

    first, second = caller.delete(path_of(task)), caller.delete(path_of(task))

    assert first == second
    assert (first.status, first.body["taskId"], first.body["status"]) == (200, task.ref.task_id, "canceled")
    assert set(first.body) == {"taskId", "status", "message"}
    assert caller.get(path_of(task)).body["status"] == "canceled"


@pytest.mark.parametrize("state", [Status.COMPLETED, Status.FAILED])
def test_an_ended_task_cannot_be_canceled(caller: Caller, account: Account, now: int, state: Status) -> None:
    task = created(account.store, now)
    ended = STATES[state](account.store, task, now)

    answer = caller.delete(path_of(task))

    assert answer.status == 409
    assert answer.body == {
        "error": f"The task has already {state} and cannot be canceled.",
        "code": "TASK_NOT_CANCELABLE",
    }
    assert account.store.get(task.ref) == ended


def test_a_task_past_its_deadline_has_failed_and_cannot_be_canceled(
    caller: Caller, account: Account, now: int
) -> None:
    task = created(account.store, now - 10_000, deadline=now - 1_000)

    answer = caller.delete(path_of(task))

    assert (answer.status, answer.code) == (409, "TASK_NOT_CANCELABLE")
    assert caller.get(path_of(task)).body["errorDetails"]["code"] == "TIMEOUT"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_storage_that_does_not_answer_means_try_again(
    caller: Caller, account: Account, now: int, method: str
) -> None:
    task = created(account.store, now)
    account.calls.fail("Query" if method == "GET" else "GetItem", Fault.THROTTLED)

    answer = caller.send(method, path_of(task))

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.body == {"error": "The service is busy; try again in a moment.", "code": "INTERNAL_ERROR"}


def test_a_cancel_whose_answer_was_lost_counts_once(
    caller: Caller, account: Account, now: int, capsys: pytest.CaptureFixture[str]
) -> None:
    task = created(account.store, now)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    answer = caller.delete(path_of(task))

    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answer.status == 200
    assert [line["TasksCanceled"] for line in printed if "TasksCanceled" in line] == [[1.0]]


def test_health_reads_nothing(caller: Caller, account: Account) -> None:
    answer = caller.get("/health")

    assert (answer.status, answer.body) == (200, {"status": "ok"})
    assert account.calls.made == []


@pytest.mark.parametrize("wait", ["-1", "21", "soon"])
def test_a_wait_that_cannot_be_is_named(caller: Caller, account: Account, now: int, wait: str) -> None:
    task = created(account.store, now)
    answer = caller.get(f"/a2a/{AGENT}/tasks/{task.ref.task_id}?wait={wait}")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["details"][0]["field"] == "wait"


def test_a_wait_ends_with_the_task(
    caller: Caller, account: Account, api: ModuleType, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = created(account.store, now)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            caller.delete(f"/a2a/{AGENT}/tasks/{task.ref.task_id}")

    monkeypatch.setattr(api.services, "tasks", replace(api.services.tasks, pause=pause))
    answer = caller.get(f"/a2a/{AGENT}/tasks/{task.ref.task_id}?wait=20")
    assert (answer.status, answer.body["status"]) == (200, "canceled")
    assert len(pauses) == 3
