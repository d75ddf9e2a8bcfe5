"""``a2actl tasks follow`` on a deployed stack, while a worker does the task."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import guard_of_worker
from a2a_tasks.domain.history.events import indexed, turn
from a2a_tasks.domain.task import Payload, Status, Task
from a2a_tasks.ports.tasks import Advance, Written
from a2actl.tasks import waiting
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, claimed, created, outcome

FAR = NOW + 10 * 365 * 86_400_000


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens between two looks of the command."""
    left: list[Callable[[], object]] = []

    def sleep(_: float) -> None:
        if left:
            left.pop(0)()

    monkeypatch.setattr(
        waiting, "Waiting", partial(waiting.Waiting, sleep=sleep, monotonic=_clock().__next__)
    )
    return left


def _clock() -> Iterator[float]:
    """Two seconds at each look."""
    now = 0.0
    while True:
        yield now
        now += 2


class Worker:
    def __init__(self, account: Account) -> None:
        self.account = account
        self.task: Task = created(account.store, NOW, deadline=FAR)

    def claim(self) -> None:
        self.task = claimed(self.account.store, self.task, NOW + 1_000)

    def take_a_turn(self) -> None:
        event = turn(NOW + 2_000, 1, ["WebSearch", "Read"])
        advance = Advance(NOW + 2_000, turns=1, event=indexed(self.task.events, event))
        result = self.account.store.advance(self.task.ref, self.task.fence, advance)
        assert isinstance(result, Written)
        self.task = result.task

    def end(self, status: Status, **ended: Any) -> None:
        done = outcome(status, NOW + 3_000, **ended)
        result = self.account.store.finish(self.task.ref, done, guard_of_worker(self.task.fence))
        assert isinstance(result, Written)


@pytest.fixture
def worker(account: Account) -> Worker:
    return Worker(account)


def follow(operator: Operator, task: Task, *options: str) -> Any:
    return operator.run("tasks", "follow", task.ref.task_id, *options)


def test_each_event_is_a_line_and_the_result_comes_last(
    operator: Operator, worker: Worker, steps: list[Callable[[], object]]
) -> None:
    done = partial(worker.end, Status.COMPLETED, output=Payload(inline='{"result":"42"}'))
    steps += [worker.claim, worker.take_a_turn, done]
    followed = follow(operator, worker.task)
    assert (followed.exit_code, followed.stdout.splitlines()) == (
        0,
        [
            "2025-06-15T15:06:40.000Z pending",
            "2025-06-15T15:06:41.000Z running (attempt 1)",
            "2025-06-15T15:06:42.000Z turn 1: WebSearch, Read",
            "2025-06-15T15:06:43.000Z completed",
            "42",
        ],
    )


def test_a_failure_says_why_and_is_the_exit_code(
    operator: Operator, worker: Worker, steps: list[Callable[[], object]]
) -> None:
    failure = Failure(FailureCode.MODEL_REFUSED, "It declined.")
    steps += [worker.claim, partial(worker.end, Status.FAILED, failure=failure)]
    followed = follow(operator, worker.task)
    assert followed.exit_code == 1
    assert followed.stdout.splitlines()[-1].endswith("failed (MODEL_REFUSED)")
    assert followed.stderr == "The task failed: It declined. (MODEL_REFUSED)\n"


def test_as_json_each_event_is_a_line_and_the_task_the_last(
    operator: Operator, worker: Worker, steps: list[Callable[[], object]]
) -> None:
    steps += [worker.claim, partial(worker.end, Status.CANCELED)]
    lines = [json.loads(line) for line in follow(operator, worker.task, "--json").stdout.splitlines()]
    assert [line.get("status") for line in lines[:-1]] == ["pending", "running", "canceled"]
    assert [line["id"] for line in lines[:-1]] == ["1", "2", "3"]
    assert lines[-1]["task"]["status"] == "canceled"


@pytest.mark.usefixtures("steps")
def test_an_ended_task_is_told_at_once(operator: Operator, worker: Worker) -> None:
    worker.claim()
    worker.end(Status.COMPLETED, output=Payload(inline='{"result":"42"}'))
    followed = follow(operator, worker.task)
    assert (followed.exit_code, followed.stdout.splitlines()[-1]) == (0, "42")


def test_it_goes_on_while_the_table_does_not_answer(
    operator: Operator, account: Account, worker: Worker, steps: list[Callable[[], object]]
) -> None:
    steps += [
        lambda: account.calls.fail("GetItem", Fault.THROTTLED, times=2),
        lambda: None,
        worker.claim,
        partial(worker.end, Status.CANCELED),
    ]
    assert follow(operator, worker.task).stdout.splitlines()[-1].endswith("canceled")


def test_but_not_for_ever(operator: Operator, account: Account, worker: Worker, steps: list[Any]) -> None:
    steps.append(lambda: account.calls.fail("GetItem", Fault.THROTTLED, times=999))
    followed = follow(operator, worker.task)
    assert followed.exit_code == 2
    assert "does not respond" in followed.stderr


def test_a_task_that_is_deleted_meanwhile_ends_it(
    operator: Operator, account: Account, worker: Worker, steps: list[Callable[[], object]]
) -> None:
    steps.append(lambda: account.store.delete(worker.task.ref))
    followed = follow(operator, worker.task)
    assert (followed.exit_code, followed.stderr) == (
        2,
        f"The task {worker.task.ref.task_id} no longer exists: it was deleted.\n",
    )


@pytest.mark.parametrize(
    ("task_id", "words"),
    [
        ("42", "TASK: '42' is not a task id"),
        ("0197a4e0-0000-7000-8000-000000000001", "There is no task 0197a4e0-0000-7000-8000-000000000001"),
    ],
)
def test_what_is_no_task_is_said(operator: Operator, task_id: str, words: str) -> None:
    refused = operator.run("tasks", "follow", task_id)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert words in refused.stderr
