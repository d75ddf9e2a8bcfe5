"""What comes of the writes that may differ if the SDK repeats them: nothing that lasts.

What is not here has its test beside who calls it, in the contracts and the handlers' tests: the renewal and
the notes of leases, an answer's record, rates, notes on deliveries, what the operator's command says.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from types import ModuleType

import pytest

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.sqs.task_queue import SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.slots import Scope
from tests.integration.contracts.sent_twice.write import WRITES
from tests.integration.contracts.sent_twice.writes_of_processes import (
    ENTRY,
    PACE_KEY,
    SLOW,
    in_line,
    paced,
    paces,
)
from tests.integration.contracts.sent_twice.writes_of_processes import LATER as ITS_TURN
from tests.integration.contracts.sent_twice.writes_of_tasks import MANY, counted_before, pending
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import NOW, canceled, claimed, created
from tests.integration.support.worker import Worker
from tests.twins.clock import FakeClock
from tests.twins.telemetry import MemoryTelemetry

OTHERS = {"SendMessage", "SendMessageBatch", "DeleteMessage", "DeleteMessageBatch", "PutObject"}
"""Calls of SQS and S3, which have no condition: of a message that is sent twice there are two."""
MINUTE_MS = 60_000
DAY = "2025-06-15"
"""That of ``NOW``."""


@contextmanager
def everything_twice(account: Account) -> Iterator[None]:
    for operation in WRITES | OTHERS:
        account.calls.fail(operation, Fault.SENT_TWICE, 10_000)
    yield
    account.calls.fail_no_more()


@pytest.fixture
def sweep(start: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch) -> Callable[[int], object]:
    """One sweep, at a moment (Unix milliseconds)."""
    sweeper = start("sweeper")

    def at(moment: int) -> object:
        monkeypatch.setattr(SystemClock, "now", lambda _: moment)
        return sweeper.handler({}, LambdaContext())

    return at


def stored(account: Account, task: Task) -> Task:
    found = account.store.get(task.ref)
    assert found is not None
    return found


# -- tasks


def test_tasks_whose_every_write_is_repeated_run_once(worker: Worker) -> None:
    """With their slots, their line and their records."""
    account = worker.account
    account.add_agent(AGENT, PROJECT, maxConcurrentTasks=1)
    with everything_twice(account):
        tasks = [worker.accept(f"[[standin: say=answer {n}]]", number=n) for n in range(3)]
        worker.work()

    done = [worker.now(task) for task in tasks]
    assert [(task.status, task.attempt, task.usage.turns) for task in done] == [(Status.COMPLETED, 1, 1)] * 3
    assert [worker.output(task)["result"] for task in tasks] == [f"answer {n}" for n in range(3)]
    state = DynamoDBSlots(account.dynamodb, account.resources["TasksTable"]).state(Scope(AGENT), 1)
    assert (state.holders, state.waiters) == ({}, ())
    assert account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_what_a_canceled_task_has_said_is_kept_and_its_usage_counted(
    start_worker: Callable[..., Worker],
) -> None:
    worker = start_worker(LEASE_SECONDS="3")
    worker.account.registry.create_project(PROJECT, NOW)
    worker.account.registry.set_project(PROJECT, daily_tokens=1_000_000)
    task = worker.accept("[[standin: say=half of it; hang]]")
    with everything_twice(worker.account):
        assert worker.deliver_and_cancel(task) == {"batchItemFailures": []}

    ended = worker.now(task)
    assert (ended.status, ended.held_by) == (Status.CANCELED, None)
    assert ended.spent
    assert ended.counted is not None


def test_a_task_that_nobody_sent_because_its_due_time_was_moved_is_sent_when_it_is_due(
    account: Account, sweep: Callable[[int], object]
) -> None:
    task = created(account.store, NOW)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE, on="TASK#")
    sweep(NOW + 31_000)
    assert account.message_counts()["visible"] == 0
    due_at = stored(account, task).due_at or 0
    assert due_at <= NOW + 31_000 + MINUTE_MS

    sweep(due_at)

    assert account.message_counts()["visible"] == 1


def test_a_dead_letter_that_nobody_answered_is_answered_by_the_sweeper(
    account: Account, start: Callable[..., ModuleType], sweep: Callable[[int], object]
) -> None:
    dead_letter = start("dead_letter")
    task = created(account.store, dead_letter.dead_letters.finalizer.clock.now())
    url = account.resources["TaskDeadLetterQueue"]
    SQSTaskQueue(account.sqs, url, url).send(task)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE, on="TASK#")
    dead_letter.handler({"Records": account.receive("TaskDeadLetterQueue")}, LambdaContext())
    noted = stored(account, task)
    assert noted.undelivered is not None
    assert sum(account.message_counts().values()) == 0
    assert (noted.due_at or 0) <= noted.undelivered.resent_at + 30_000, "when its message would have come"

    sweep(noted.due_at or 0)

    assert account.message_counts()["visible"] == 1


# -- counts


def counted(account: Account, more: Usage) -> tuple[DayCount, Task]:
    """A task that has ended, of which its day counts more than it has used."""
    account.registry.create_project(PROJECT, NOW)
    account.registry.set_project(PROJECT, daily_tokens=1_000_000)
    spent = (Spent(1, "claude-sonnet-5-5", Usage(10, 20, turns=1, cost_usd=Decimal("0.1"))),)
    task = replace(claimed(account.store, created(account.store, spent=spent), NOW), counted=more)
    ended = canceled(account.store, task, NOW)
    assert account.store.note_counted(ended.ref, None, more)
    account.spend.add_spend(PROJECT, DAY, more, task.ref.task_id)
    budgets = DailyBudgets(account.spend, account.registry, FakeClock(NOW))
    return DayCount(account.store, budgets, MemoryTelemetry()), stored(account, ended)


@pytest.mark.parametrize(("is_repeated", "tokens"), [(False, 30), (True, 500)])
def test_a_day_is_never_too_low_for_a_correction_that_was_repeated(
    account: Account, is_repeated: bool, tokens: int
) -> None:
    day, task = counted(account, Usage(input_tokens=500, cost_usd=Decimal("0.1")))
    if is_repeated:
        account.calls.fail("UpdateItem", Fault.SENT_TWICE, on="TASK#")

    assert day.settle(task)
    assert account.spend.spend(PROJECT, DAY).tokens == tokens
    assert not day.owes(stored(account, task)), "nobody corrects it again"


def test_usage_that_is_added_twice_makes_a_day_too_high_by_that(account: Account) -> None:
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    account.spend.add_spend(PROJECT, DAY, Usage(7, turns=1))
    account.spend.add_spend(PROJECT, DAY, Usage(5, turns=1))

    assert account.spend.spend(PROJECT, DAY).tokens == 7 + 7 + 5


def test_a_count_of_waiting_tasks_is_made_two_seconds_later(account: Account) -> None:
    counted_before(account)
    looks = itertools.count(NOW + 2_000, 2_000)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    assert [pending(account).count(AGENT, MANY, next(looks)) for _ in range(2)] == [1, 2]


def test_a_turn_of_the_pace_that_nobody_takes_is_followed_by_the_next(account: Account) -> None:
    paced(account)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    lost = paces(account).take(PACE_KEY, SLOW, ITS_TURN, is_urgent=True)
    assert not lost.is_granted
    assert lost.pace is not None

    assert paces(account).take(PACE_KEY, lost.pace, lost.pace.next_at, is_urgent=True).is_granted


def test_a_try_that_a_run_was_not_told_of_is_seen_by_the_next(account: Account) -> None:
    in_line(account)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    account.batches.count_try(ENTRY, "run-1")

    assert [entry.tries for entry in account.batches.waiting(PROJECT, NOW, 10)] == [1]
    assert account.batches.count_try(ENTRY, "run-2") == 2
