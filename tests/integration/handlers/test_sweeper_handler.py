"""The sweeper: the real handler on stored tasks that somebody must look at."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import boto3
import pytest

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.ids import SHARDS
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.task import Lane, Priority, Status, Task
from a2a_tasks.ports.slots import Scope, Waiter
from tests.integration.support.account import AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import (
    DAY_MS,
    WORKER,
    asking,
    canceled,
    claimed,
    created,
    given_back,
    numbers_of_shard,
)


@pytest.fixture
def sweeper(start: Callable[..., ModuleType]) -> ModuleType:
    return start("sweeper")


def sweep(sweeper: ModuleType, remaining_ms: int = 55_000) -> dict[str, Any]:
    return invoked(sweeper, load_event("sweeper_schedule"), remaining_ms)


def invoked(sweeper: ModuleType, event: Any, remaining_ms: int = 55_000) -> dict[str, Any]:
    report: dict[str, Any] = sweeper.handler(event, LambdaContext(remaining_ms))
    return {name: value for name, value in report.items() if value}


def current(account: Account, task: Task) -> Task:
    stored = account.store.get(task.ref)
    assert stored is not None
    return stored


def test_with_nothing_due_no_task_is_read(sweeper: ModuleType, account: Account, now: int) -> None:
    for number in range(30):
        created(account.store, now, number=number)
    canceled(account.store, created(account.store, now - 100_000), now)
    account.calls.made.clear()

    assert sweep(sweeper) == {}
    assert [call.operation for call in account.calls.made] == ["Query"] * (SHARDS + 2), "workers and lines"
    assert {call.parameters["IndexName"] for call in account.calls.made} == {"due"}


def test_an_undispatched_task_is_sent(sweeper: ModuleType, account: Account, now: int) -> None:
    task = created(account.store, now - 31_000)

    assert sweep(sweeper) == {"looked_at": 1, "resent": 1}
    assert account.message_counts()["visible"] == 1
    assert (current(account, task).due_at or 0) > now


def test_a_second_sweep_does_not_send_it_again(sweeper: ModuleType, account: Account, now: int) -> None:
    created(account.store, now - 31_000)

    sweep(sweeper)

    assert sweep(sweeper) == {}
    assert account.message_counts()["visible"] == 1


@pytest.mark.parametrize("state", [Status.PENDING, Status.RUNNING])
def test_a_task_past_its_deadline_times_out(
    sweeper: ModuleType, account: Account, now: int, state: Status
) -> None:
    task = created(account.store, now - 400_000)
    if state is Status.RUNNING:
        claimed(account.store, task, now - 399_000)

    assert sweep(sweeper) == {"looked_at": 1, "timed_out": 1}

    ended = current(account, task)
    assert ended.failure is not None
    assert (ended.status, ended.failure.code, ended.due_at) == (Status.FAILED, FailureCode.TIMEOUT, None)


def test_a_lost_lease_is_sent_again(sweeper: ModuleType, account: Account, now: int) -> None:
    task = created(account.store, now - 100_000)
    claimed(account.store, task, now - 90_000)

    assert sweep(sweeper) == {"looked_at": 1, "resent": 1}
    assert current(account, task).status is Status.RUNNING
    assert account.message_counts()["visible"] == 1


def test_a_worker_lost_on_the_last_attempt_fails_the_task(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    task = created(account.store, now - 100_000, max_attempts=1)
    claimed(account.store, task, now - 90_000)

    assert sweep(sweeper) == {"looked_at": 1, "lost": 1}

    failure = current(account, task).failure
    assert failure is not None
    assert failure.code is FailureCode.WORKER_LOST


def test_a_living_worker_is_left_alone(sweeper: ModuleType, account: Account, now: int) -> None:
    task = created(account.store, now - 31_000)
    running = claimed(account.store, task, now - 1_000)
    lease = Lease(WORKER, now + 8_000, frozenset({task.ref}), due_at=now + 90_000)
    workers_of(account).open(lease)

    assert sweep(sweeper) == {"looked_at": 1, "postponed": 1}
    assert current(account, task) == replace(running, due_at=task.deadline)
    assert account.message_counts()["visible"] == 0


def test_a_dead_worker_gives_back_what_it_had(sweeper: ModuleType, account: Account, now: int) -> None:
    task = created(account.store, now - 100_000)
    account.store.reschedule(task.ref, task.due_at or 0, task.deadline)
    claimed(account.store, task, now - 90_000)
    workers_of(account).open(Lease(WORKER, now - 90_000, frozenset({task.ref}), due_at=now - 1_000))

    assert sweep(sweeper) == {"dead_workers": 1, "resent": 1}
    assert account.message_counts()["visible"] == 1
    assert workers_of(account).lease(WORKER) is None


def workers_of(account: Account) -> DynamoDBWorkers:
    return DynamoDBWorkers(account.dynamodb, account.resources["TasksTable"])


def delayed(account: Account, created_at: int, start: int, **changes: Any) -> Task:
    """A task that was created to start later, with five minutes from then on."""
    return created(account.store, created_at, not_before=start, deadline=start + 300_000, **changes)


def test_a_start_that_was_far_away_is_sent_shortly_before(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    task = delayed(account, now - 3_600_000, start=now + 80_000)

    assert task.due_at == task.not_before - 90_000
    assert sweep(sweeper) == {"looked_at": 1, "resent": 1}

    (sent,) = account.calls.of("SendMessage")
    assert sent.parameters["DelaySeconds"] == 80
    assert account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 1}
    assert current(account, task) == replace(task, due_at=task.not_before + 30_000)
    assert sweep(sweeper) == {}


def test_a_start_that_is_still_far_away_is_not_looked_at(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    delayed(account, now - 3_600_000, start=now + 120_000)

    assert sweep(sweeper) == {}
    assert account.calls.of("SendMessage") == []


def test_a_start_that_the_sweeper_comes_too_late_for_is_made_at_once(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    delayed(account, now - 3_600_000, start=now - 40_000)

    assert sweep(sweeper) == {"looked_at": 1, "resent": 1}
    assert account.message_counts() == {"visible": 1, "in_flight": 0, "delayed": 0}


def test_a_delayed_start_whose_message_was_lost_is_sent_again(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    task = delayed(account, now - 100_000, start=now - 31_000)

    assert task.due_at == task.not_before + 30_000
    assert sweep(sweeper) == {"looked_at": 1, "resent": 1}


def test_of_two_sweeps_one_sends_a_delayed_task(sweeper: ModuleType, account: Account, now: int) -> None:
    task = delayed(account, now - 3_600_000, start=now + 80_000)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)  # as if another sweep had moved it a moment before

    assert sweep(sweeper) == {"looked_at": 1}
    assert account.calls.of("SendMessage") == []
    assert current(account, task).due_at == task.not_before + 30_000


def test_a_line_whose_agent_has_no_limit_any_more_is_let_run(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    account.add_agent()
    task = created(account.store, now - 1_000)
    slots, scope = DynamoDBSlots(account.dynamodb, account.resources["TasksTable"]), Scope(AGENT)
    slots.watch(scope, now + 60_000, now)
    # it has waited with a limit, and is not due itself for as long as it does
    slots.wait(
        scope, Waiter(task.ref.task_id, Priority.NORMAL, 0, task.deadline, task.not_before, task.deadline)
    )

    assert sweep(sweeper) == {"lines": 1}
    assert account.message_counts()["visible"] == 1
    assert slots.waiting(scope, 10) == ()


def test_a_question_is_left_to_its_caller_until_its_deadline(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    task = asking(account.store, created(account.store, now - 100_000), now)
    late = asking(account.store, created(account.store, now - DAY_MS - 1_000, number=1), now - DAY_MS)

    assert sweep(sweeper) == {"looked_at": 1, "timed_out": 1}
    assert current(account, task) == task
    ended = current(account, late)
    assert ended.failure is not None
    assert ended.failure.message == "The agent's question was not answered in time."
    assert account.message_counts()["visible"] == 0


def test_a_batch_task_that_is_not_in_line_gets_in_line(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    task = created(account.store, now - 31_000, lane=Lane.BATCH, deadline=now + DAY_MS)

    for _ in range(2):
        sweep(sweeper)

    assert [entry.ref for entry in account.batches.waiting(task.project_id, now + 60_000, 10)] == [task.ref]


def test_a_batch_task_is_left_to_its_batch(sweeper: ModuleType, account: Account, now: int) -> None:
    task = created(account.store, now - 31_000, lane=Lane.BATCH, deadline=now + DAY_MS)

    assert sweep(sweeper) == {"looked_at": 1, "postponed": 1}
    assert current(account, task).due_at == task.deadline
    assert account.calls.of("SendMessage") == []


def test_a_task_goes_on_when_those_it_waits_for_have_ended(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    child = created(account.store, now - 100_000, number=1, deadline=now + DAY_MS)
    parent = claimed(account.store, created(account.store, now - 100_000), now - 100_000)
    given_back(account.store, parent, keeps_attempt=True, awaits=(child.ref,), due_at=now - 1)

    assert sweep(sweeper) == {"looked_at": 2, "resent": 1, "postponed": 1}
    assert current(account, parent).awaits == (child.ref,)
    canceled(account.store, child, now)
    account.store.reschedule(parent.ref, current(account, parent).due_at or 0, now - 1)
    assert sweep(sweeper) == {"looked_at": 1, "resent": 1}
    assert current(account, parent).awaits == ()
    assert account.message_counts()["visible"] == 2


def test_a_task_that_cannot_be_settled_stops_no_other(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    for number in range(4):
        created(account.store, now - 31_000 - number, number=number)
    account.calls.fail("UpdateItem", Fault.THROTTLED)
    account.calls.fail("SendMessage", Fault.NOT_SENT)

    assert sweep(sweeper) == {"looked_at": 4, "resent": 2, "errors": 2}


def test_a_shard_that_does_not_answer_stops_no_other(sweeper: ModuleType, account: Account, now: int) -> None:
    for number in [*numbers_of_shard(now - 31_000, 0, count=2), *numbers_of_shard(now - 31_000, 1, count=3)]:
        created(account.store, now - 31_000, number=number)
    account.calls.fail("Query", Fault.THROTTLED, on="due#0")

    assert sweep(sweeper) == {"looked_at": 3, "resent": 3, "errors": 1, "unfinished_shards": [0]}
    assert sweep(sweeper) == {"looked_at": 2, "resent": 2}


def test_a_shard_with_more_than_a_page_gets_a_process_of_its_own(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    for number in numbers_of_shard(now - 31_000, 3, count=60):
        created(account.store, now - 31_000, number=number)

    assert sweep(sweeper) == {"handed_over": [3]}
    (event,) = account.calls.events
    assert invoked(sweeper, event) == {"looked_at": 60, "resent": 60}

    assert account.message_counts()["visible"] == 60
    assert len(account.calls.events) == 1, "a helper calls for no other"
    assert sweep(sweeper) == {}


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.NOT_SENT])
def test_a_shard_for_which_no_process_can_be_had_is_swept_here(
    sweeper: ModuleType, account: Account, now: int, fault: Fault
) -> None:
    for number in numbers_of_shard(now - 31_000, 3, count=60):
        created(account.store, now - 31_000, number=number)
    account.calls.fail("Invoke", fault)

    assert sweep(sweeper) == {"looked_at": 60, "resent": 60}


@pytest.mark.parametrize("shard", [-1, SHARDS, "3", None, True])
def test_a_shard_that_there_is_not(sweeper: ModuleType, shard: object) -> None:
    with pytest.raises(ValueError, match=f"a number from 0 to {SHARDS - 1}"):
        invoked(sweeper, {"shard": shard})


def test_behind_a_long_queue_nothing_is_sent_again(
    monkeypatch: pytest.MonkeyPatch, sweeper: ModuleType, account: Account, now: int
) -> None:
    monkeypatch.setattr("a2a_tasks.domain.schedule.LONG_BACKLOG", 3)
    task = created(account.store, now - 31_000)
    for _ in range(3):
        account.queue.send(task)

    assert sweep(sweeper) == {"looked_at": 1, "postponed": 1}
    assert account.message_counts()["visible"] == 3
    assert (current(account, task).due_at or 0) > now


def test_a_record_that_cannot_be_read_stops_no_other(sweeper: ModuleType, account: Account, now: int) -> None:
    """One that a later release has written."""
    one, *others = (
        created(account.store, now - 31_000 - n, number=n) for n in numbers_of_shard(now - 31_000, 3, count=5)
    )
    boto3.client("dynamodb").update_item(  # the account's would write this release's
        TableName=account.resources["TasksTable"],
        Key=to_attributes({"pk": f"TASK#{one.ref.task_id}", "sk": f"TASK#{one.ref.agent_id}"}),
        UpdateExpression="ADD v :more",
        ExpressionAttributeValues={":more": {"N": "98"}},
    )

    assert sweep(sweeper) == {"looked_at": 5, "resent": len(others), "errors": 1}


def test_without_time_nothing_is_begun(sweeper: ModuleType, account: Account, now: int) -> None:
    created(account.store, now - 31_000)

    assert sweep(sweeper, remaining_ms=5_000) == {"unfinished_shards": list(range(SHARDS))}
    assert account.message_counts()["visible"] == 0


def test_every_sweep_gives_a_sign_of_life(
    capsys: pytest.CaptureFixture[str], sweeper: ModuleType, account: Account
) -> None:
    sweep(sweeper)

    printed = capsys.readouterr().out
    assert '"Sweeps":[1.0]' in printed
    assert "TasksRescued" not in printed
    assert '"OldestDueSeconds":[0.0]' in printed
    assert '{"Name":"OldestDueSeconds","Unit":"Seconds"}' in printed
    assert account.calls.of("UpdateItem") == []
