"""POST /a2a/{agentId}/tasks with an Idempotency-Key, through the real handler."""

import json
from typing import Any

import pytest

from a2a_tasks.domain.task import TaskRef
from tests.integration.support.account import AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller

KEY = "Idempotency-Key"


def post(caller: Caller, document: object, key: str = "order-7", agent_id: str = AGENT) -> Answer:
    return caller.post(agent_id, document, headers={KEY: key})


def stored(account: Account) -> set[TaskRef]:
    page = account.store.page(AGENT, None, 100, None)
    return {task.ref for task in page.tasks}


def test_the_same_key_and_body_give_the_same_answer(caller: Caller, account: Account) -> None:
    first = post(caller, {"message": "Hi.", "timeout": 60_000})
    # the same request, written otherwise
    again = post(caller, {"timeout": 60_000, "message": "Hi."})
    assert first.status == 202
    assert (again.status, again.text, again.headers["Location"]) == (
        202,
        first.text,
        first.headers["Location"],
    )
    assert [ref.task_id for ref in stored(account)] == [first.body["taskId"]]
    assert account.message_counts()["visible"] == 1


@pytest.mark.parametrize(
    "other",
    [{"message": "Ho."}, {"message": "Hi.", "priority": "high"}, {"message": "Hi.", "timeout": 1_000}],
)
def test_another_body_is_refused(caller: Caller, account: Account, other: dict[str, Any]) -> None:
    post(caller, {"message": "Hi."})
    answer = post(caller, other)
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert "new key" in answer.body["error"]
    assert len(stored(account)) == 1


def test_without_a_key_each_request_is_a_task(caller: Caller, account: Account) -> None:
    for _ in range(2):
        caller.post(AGENT, {"message": "Hi."})
    assert len(stored(account)) == 2


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_cannot_be_is_named(caller: Caller, account: Account, key: str) -> None:
    answer = post(caller, {"message": "Hi."}, key)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert "idempotency-key" in json.dumps(answer.body).lower()
    assert not stored(account)


def test_a_request_whose_answer_was_lost_is_completed(caller: Caller, account: Account) -> None:
    """The reservation is there, the task is not: the first request ended with 503."""
    account.calls.fail("PutItem", on="TASK#")
    failed = post(caller, {"message": "Hi."})
    again = post(caller, {"message": "Hi."})
    assert (failed.status, again.status) == (503, 202)
    assert [ref.task_id for ref in stored(account)] == [again.body["taskId"]]


def test_a_reservation_that_cannot_be_made_accepts_nothing(caller: Caller, account: Account) -> None:
    account.calls.fail("PutItem", Fault.THROTTLED, on="IDEMPOTENCY#")
    assert post(caller, {"message": "Hi."}).status == 503
    assert not stored(account)
