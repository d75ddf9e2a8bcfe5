"""The sweeper: the real handler on stored tasks that somebody must look at."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.ids import SHARDS
from a2a_tasks.domain.task import Status, Task
from tests.integration.account import Account
from tests.integration.aws_calls import Fault
from tests.integration.event_files import load_event
from tests.integration.lambda_context import LambdaContext
from tests.integration.stored_task import canceled, claimed, created, numbers_of_shard


@pytest.fixture
def sweeper(start: Callable[..., ModuleType]) -> ModuleType:
    return start("sweeper")


@pytest.fixture
def now(sweeper: ModuleType) -> int:
    moment: int = sweeper.sweeper.ending.clock.now()
    return moment


def sweep(sweeper: ModuleType, remaining_ms: int = 55_000) -> dict[str, Any]:
    report: dict[str, Any] = sweeper.handler(load_event("sweeper_schedule"), LambdaContext(remaining_ms))
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
    assert [call.operation for call in account.calls.made] == ["Query"] * SHARDS
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
        claimed(account.store, task, now - 399_000, lease_ms=500_000)

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

    assert sweep(sweeper) == {"looked_at": 1, "postponed": 1}
    later = (running.lease_until or 0) + 10_000
    assert current(account, task) == replace(running, due_at=later)
    assert account.message_counts()["visible"] == 0


def test_a_task_that_cannot_be_settled_stops_no_other(
    sweeper: ModuleType, account: Account, now: int
) -> None:
    for number in range(4):
        created(account.store, now - 31_000 - number, number=number)
    account.calls.fail("UpdateItem", Fault.THROTTLED)
    account.calls.fail("SendMessage", Fault.NOT_SENT)

    assert sweep(sweeper) == {"looked_at": 4, "resent": 2, "errors": 2}


def test_a_shard_that_does_not_answer_stops_no_other(sweeper: ModuleType, account: Account, now: int) -> None:
    for number in range(40):
        created(account.store, now - 31_000, number=number)
    account.calls.fail("Query", Fault.THROTTLED)

    report = sweep(sweeper)

    assert (report["errors"], report["unfinished_shards"]) == (1, [0])
    assert 0 < report["resent"] < 40


def test_more_than_a_page_is_swept_whole(sweeper: ModuleType, account: Account, now: int) -> None:
    for number in numbers_of_shard(now - 31_000, 3, count=120):
        created(account.store, now - 31_000, number=number)

    assert sweep(sweeper) == {"looked_at": 120, "resent": 120}


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
    assert '"TasksRescued":[0.0]' in printed
    assert account.calls.of("UpdateItem") == []
