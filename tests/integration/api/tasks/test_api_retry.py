"""Ended tasks, tried again, through the real handler."""

import json
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.domain.task import Budget, Status, Task, TaskRef
from a2a_tasks.tasks import payload
from tests.integration.support.account import AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.stored_task import STATES, canceled, created, failed

ASKED = {
    "message": "Write a report.",
    "context": {"year": 2026},
    "sessionId": "talk",
    "priority": "high",
    "timeout": 90_000,
    "queueTimeout": 45_000,
    "maxAttempts": 2,
    "maxCostUsd": 1.5,
    "maxTokens": 5_000,
}


@pytest.fixture
def now(api: ModuleType) -> int:
    moment: int = api.services.submitter.clock.now()
    return moment


@pytest.fixture
def ended(caller: Caller, account: Account, now: int) -> Task:
    """A task that was asked for with everything, and has failed."""
    task_id = caller.post(AGENT, ASKED).body["taskId"]
    return failed(account.store, stored(account, task_id), now)


def stored(account: Account, task_id: str) -> Task:
    task = account.store.get(TaskRef(AGENT, task_id))
    assert task is not None
    return task


def path_of(task: Task) -> str:
    return f"/a2a/{task.ref.agent_id}/tasks/{task.ref.task_id}"


def retry(caller: Caller, task: Task, **headers: str) -> Answer:
    return caller.send("POST", f"{path_of(task)}/retry", headers=headers)


def test_a_retry_is_a_new_task_of_the_same_input_and_limits(
    caller: Caller, account: Account, ended: Task
) -> None:
    answer = retry(caller, ended)

    new = stored(account, answer.body["taskId"])
    assert (answer.status, answer.body["status"], answer.body["sessionId"]) == (202, "pending", "talk")
    assert answer.headers["Location"] == f"../{new.ref.task_id}"
    assert new.ref != ended.ref
    assert payload.load(account.payloads, new.input) == payload.load(account.payloads, ended.input)
    for name in ("context_id", "priority", "timeout_ms", "queue_timeout_ms", "max_attempts", "bounds_tries"):
        assert getattr(new, name) == getattr(ended, name), name
    assert new.budget == Budget(Decimal("1.5"), 5_000)
    assert caller.get(path_of(new)).body["retryOf"] == ended.ref.task_id
    assert new.key_id == caller.key_id
    assert account.message_counts()["visible"] == 2


def test_a_canceled_task_is_retried_too(caller: Caller, account: Account, now: int) -> None:
    task = canceled(account.store, created(account.store, now), now)

    assert retry(caller, task).status == 202


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.INPUT_REQUIRED, Status.COMPLETED])
def test_any_other_is_not(caller: Caller, account: Account, now: int, status: Status) -> None:
    task = STATES[status](account.store, created(account.store, now), now)

    answer = retry(caller, task)

    assert (answer.status, answer.code) == (409, "TASK_NOT_RETRYABLE")
    assert status in answer.body["error"]


def test_a_task_past_its_deadline_has_failed(caller: Caller, account: Account, now: int) -> None:
    task = created(account.store, now - 10_000, deadline=now - 1_000)

    assert retry(caller, task).status == 202


def test_while_the_retry_lives_it_is_the_answer(caller: Caller, account: Account, ended: Task) -> None:
    first, second = retry(caller, ended), retry(caller, ended)

    assert first.body == second.body
    assert len(account.store.page(AGENT, None, 10, None).tasks) == 2


def test_once_it_has_ended_there_is_another(caller: Caller, account: Account, now: int, ended: Task) -> None:
    first = stored(account, retry(caller, ended).body["taskId"])
    failed(account.store, first, now)

    second, third = retry(caller, ended), retry(caller, ended)

    assert second.body["taskId"] == third.body["taskId"] != first.ref.task_id
    assert retry(caller, first).body["taskId"] not in (second.body["taskId"], first.ref.task_id)


def test_requests_at_the_same_moment_make_one(
    caller: Caller, account: Account, now: int, ended: Task
) -> None:
    first = stored(account, retry(caller, ended).body["taskId"])
    failed(account.store, first, now)

    # one request at a time in a process, so each has one of its own
    answers = [retry(caller, ended).body["taskId"] for _ in range(5)]

    assert len(set(answers)) == 1


def test_a_lost_answer_makes_no_second_task(caller: Caller, account: Account, ended: Task) -> None:
    account.calls.fail("PutItem", Fault.SENT_TWICE)

    answers = {retry(caller, ended).body["taskId"] for _ in range(2)}

    assert len(answers) == 1


def test_a_request_that_died_is_completed_by_the_next(caller: Caller, account: Account, ended: Task) -> None:
    account.calls.fail_nth("PutItem", 2, Fault.NOT_SENT)  # its reservation is there
    assert retry(caller, ended).status == 503

    answer = retry(caller, ended)

    assert answer.status == 202
    assert stored(account, answer.body["taskId"]).retry_of == ended.ref.task_id


def test_a_key_alone_decides_where_there_is_one(
    caller: Caller, account: Account, now: int, ended: Task
) -> None:
    first = retry(caller, ended, **{"Idempotency-Key": "once"})
    failed(account.store, stored(account, first.body["taskId"]), now)

    again = retry(caller, ended, **{"Idempotency-Key": "once"})
    other = retry(caller, ended, **{"Idempotency-Key": "twice"})

    assert again.body["taskId"] == first.body["taskId"] != other.body["taskId"]
    reused = caller.send(
        "POST", f"/a2a/{AGENT}/tasks", body=json.dumps(ASKED), headers={"Idempotency-Key": "once"}
    )
    assert (reused.status, reused.code) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_content_from_outside_stays_so(caller: Caller, account: Account, now: int) -> None:
    document: dict[str, Any] = {"message": "Summarize.", "untrusted": True}
    task = created(account.store, now, number=9)
    task = failed(account.store, task, now)
    key = {"pk": {"S": f"TASK#{task.ref.task_id}"}, "sk": {"S": f"TASK#{AGENT}"}}
    account.dynamodb.update_item(
        TableName=account.resources["TasksTable"],
        Key=key,
        UpdateExpression="SET #input = :input",
        ExpressionAttributeNames={"#input": "input"},
        ExpressionAttributeValues={":input": {"M": {"text": {"S": json.dumps(document)}}}},
    )

    new = stored(account, retry(caller, task).body["taskId"])

    assert payload.load(account.payloads, new.input) == document


def test_a_foreign_task_is_like_a_missing_one(rival: Caller, ended: Task) -> None:
    answer = retry(rival, ended)

    assert (answer.status, answer.code) == (404, "TASK_NOT_FOUND")


def test_a_disabled_agent_takes_none(caller: Caller, account: Account, ended: Task) -> None:
    account.registry.disable_agent(AGENT, 0)

    assert retry(caller, ended).code == "AGENT_DISABLED"


def test_retries_count_as_new_tasks(start: Any, agents: Account, now: int) -> None:
    api = start("api", TASK_CREATION_BURST="1", TASK_CREATIONS_PER_HOUR="1")
    task = failed(agents.store, created(agents.store, now), now)

    answers = [retry(Caller(api.handler, "demo"), task) for _ in range(2)]

    assert [answer.status for answer in answers] == [202, 429]


def test_a_retry_lives_no_longer_than_what_says_so(api: ModuleType) -> None:
    """Or a second one could be made beside it."""
    assert api.services.submitter.max_timeout_ms <= LONGEST_LIFE_MS
