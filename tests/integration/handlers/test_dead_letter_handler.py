"""Dead letters: the real handler on messages that no worker could process."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers
from a2a_tasks.adapters.sqs.task_queue import SQSTaskQueue
from a2a_tasks.domain.dead_letter import MOST_DEAD_LETTERS, Undelivered
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.task import Status, Task
from tests.integration.support.account import PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import canceled, claimed, created


@pytest.fixture
def dead_letter(start: Callable[..., ModuleType]) -> ModuleType:
    return start("dead_letter")


@pytest.fixture
def now(dead_letter: ModuleType) -> int:
    moment: int = dead_letter.dead_letters.finalizer.clock.now()
    return moment


def handle_dead_letters(
    dead_letter: ModuleType, account: Account, *tasks: Task
) -> tuple[list[str], list[str]]:
    """Put the tasks' messages into the dead-letter queue and deliver them: all ids, and those kept."""
    url = account.resources["TaskDeadLetterQueue"]
    for task in tasks:
        SQSTaskQueue(account.sqs, url, url).send(task)
    records = account.receive("TaskDeadLetterQueue")
    answer: dict[str, Any] = dead_letter.handler({"Records": records}, LambdaContext())
    failures = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    return [record["messageId"] for record in records], failures


def test_a_task_with_time_left_is_announced_again(
    capsys: pytest.CaptureFixture[str], dead_letter: ModuleType, account: Account, now: int
) -> None:
    task = created(account.store, now)

    _, kept = handle_dead_letters(dead_letter, account, task)

    waiting = account.store.get(task.ref)
    assert waiting is not None
    assert waiting.undelivered is not None
    assert (waiting.status, waiting.undelivered.times) == (Status.PENDING, 1)
    assert account.message_counts("TaskQueue") == {"visible": 0, "in_flight": 0, "delayed": 1}
    assert kept == []
    assert '"TasksDeadLettered":[1.0]' in capsys.readouterr().out


def test_a_task_that_nobody_claims_fails_with_the_reason(
    dead_letter: ModuleType, account: Account, now: int
) -> None:
    task = created(account.store, now)
    long_ago = now - 3_600_000
    account.store.note_undelivered(
        task.ref, 0, None, Undelivered(MOST_DEAD_LETTERS, long_ago), task.due_at or 0
    )

    _, kept = handle_dead_letters(dead_letter, account, task)

    ended = account.store.get(task.ref)
    assert ended is not None
    assert ended.failure is not None
    assert (ended.status, ended.failure.code) == (Status.FAILED, FailureCode.EXECUTION_ERROR)
    assert "No worker could take the task up" in ended.failure.message
    assert kept == []


def test_a_task_that_ended_or_is_worked_on_is_left_alone(
    dead_letter: ModuleType, account: Account, now: int
) -> None:
    over = canceled(account.store, created(account.store, now), now)
    running = claimed(account.store, created(account.store, now, number=1), now)
    workers = DynamoDBWorkers(account.dynamodb, account.resources["TasksTable"])
    workers.open(Lease(running.held_by or "", now + 8_000))

    _, kept = handle_dead_letters(dead_letter, account, over, running)

    assert (account.store.get(over.ref), account.store.get(running.ref)) == (over, running)
    assert kept == []


def test_one_failure_keeps_only_its_message(dead_letter: ModuleType, account: Account, now: int) -> None:
    tasks = [created(account.store, now, number=n) for n in range(3)]
    account.calls.fail("GetItem", Fault.THROTTLED)

    delivered, kept = handle_dead_letters(dead_letter, account, *tasks)

    assert kept == delivered[:1]
    now_of = [account.store.get(task.ref) for task in tasks]
    assert sorted(task.undelivered is None for task in now_of if task) == [False, False, True]


def test_if_all_fail_all_are_kept(dead_letter: ModuleType, account: Account, now: int) -> None:
    tasks = [created(account.store, now, number=n) for n in range(2)]
    account.calls.fail("GetItem", Fault.THROTTLED, times=2)

    delivered, kept = handle_dead_letters(dead_letter, account, *tasks)

    assert kept == delivered


def test_a_message_that_names_no_task_is_counted_and_dropped(
    capsys: pytest.CaptureFixture[str], dead_letter: ModuleType, account: Account
) -> None:
    url = account.resources["TaskDeadLetterQueue"]
    account.sqs.send_message(QueueUrl=url, MessageBody="garbage", MessageGroupId=PROJECT)

    _, kept = handle_dead_letters(dead_letter, account)

    assert kept == []
    assert '"MalformedMessages":[1.0]' in capsys.readouterr().out
