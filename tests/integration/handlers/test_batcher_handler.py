"""The batcher: the real handler, on moto, with the real SDK against the stand-in."""

from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.batches import DynamoDBBatches
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.task import Lane, Payload, Status, Task
from a2a_tasks.tasks import payload
from local.standin.client import StandInClient
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import new_task

DAY_MS = 24 * 3_600_000
TURN = Decimal("0.000001")


@pytest.fixture
def batcher(agents: Account, start: Callable[..., ModuleType], claude: StandInClient) -> ModuleType:
    agents.put_claude_key("sk-ant-integration-0123456789")
    claude.hold_batches()
    return start("batcher", CLAUDE_BASE_URL=claude.base_url)


@pytest.fixture
def now(batcher: ModuleType) -> int:
    moment: int = batcher.batcher.clock.now()
    return moment


def work(batcher: ModuleType, remaining_ms: int = 240_000) -> dict[str, Any]:
    report: dict[str, Any] = batcher.handler(load_event("batcher_schedule"), LambdaContext(remaining_ms))
    return {name: value for name, value in report.items() if value}


def waiting(account: Account, now: int, message: str, *, number: int = 0, **changes: Any) -> Task:
    """A task that has been in line for over a minute."""
    created_at = now - 61_000
    task = new_task(
        created_at,
        number=number,
        lane=Lane.BATCH,
        deadline=created_at + DAY_MS,
        input=Payload(inline=f'{{"message":"{message}"}}'),
        **changes,
    )
    account.store.create(task)
    DynamoDBBatches(account.dynamodb, account.resources["TasksTable"]).enqueue(task, created_at)
    return task


def current(account: Account, task: Task) -> Task:
    stored = account.store.get(task.ref)
    assert stored is not None
    return stored


def test_tasks_go_to_the_model_in_a_batch_and_come_back(
    batcher: ModuleType, agents: Account, claude: StandInClient, now: int
) -> None:
    tasks = [waiting(agents, now, f"[[standin: say=answer {n}]]", number=n) for n in range(40)]

    assert work(batcher) == {"submitted": 1, "finished": True}
    assert {current(agents, task).status for task in tasks} == {Status.RUNNING}
    (made,) = claude.batches()
    assert sorted(made.custom_ids) == sorted(task.ref.task_id for task in tasks)
    assert work(batcher) == {"open": 1, "finished": True}

    claude.release_batches()
    assert work(batcher) == {"open": 1, "finished": True}

    for number, task in enumerate(tasks):
        ended = current(agents, task)
        assert ended.status is Status.COMPLETED
        assert ended.output is not None
        assert payload.load(agents.payloads, ended.output) == {"result": f"answer {number}"}
        usage = ended.usage
        full = (2 * usage.input_tokens + 10 * usage.output_tokens) / Decimal(1_000_000)
        assert usage.turns == 1
        assert abs((usage.cost_usd or 0) - full / 2) <= TURN
    assert work(batcher) == {"finished": True}
    assert len(claude.batches()) == 1


def test_large_texts_go_by_the_bucket(
    batcher: ModuleType, agents: Account, claude: StandInClient, now: int
) -> None:
    task = waiting(agents, now, "[[standin: size=50000]]" + "x" * 50_000)

    work(batcher)
    claude.release_batches()
    work(batcher)

    output = current(agents, task).output
    assert output is not None
    assert output.key is not None
    assert len(payload.load(agents.payloads, output)["result"]) == 50_000


def test_what_was_not_answered_waits_for_the_next_batch(
    batcher: ModuleType, agents: Account, claude: StandInClient, now: int
) -> None:
    busy = waiting(agents, now, "[[standin: err=529 | say=ok]]", number=1)
    expired = waiting(agents, now, "[[standin: expire | say=ok]]", number=2)
    refused = waiting(agents, now, "[[standin: err=400]]", number=3)
    work(batcher)
    claude.release_batches()

    work(batcher)

    for task, attempts in ((busy, 0), (expired, 1)):
        assert (current(agents, task).status, current(agents, task).attempt) == (Status.PENDING, attempts)
    assert current(agents, busy).throttled_calls == 1
    failure = current(agents, refused).failure
    assert failure is not None
    assert failure.code is FailureCode.EXECUTION_ERROR


def test_a_creation_whose_answer_is_lost_is_not_made_again(
    batcher: ModuleType, agents: Account, claude: StandInClient, now: int
) -> None:
    task = waiting(agents, now, "[[standin: say=ok]]")
    claude.lose_next_batch_answer()
    assert work(batcher) == {"finished": True}
    assert current(agents, task).status is Status.RUNNING

    _later(batcher, 300)
    assert work(batcher) == {"open": 1, "finished": True}
    claude.release_batches()
    work(batcher)
    work(batcher)

    assert current(agents, task).status is Status.COMPLETED
    assert len(claude.batches()) == 1


def _later(batcher: ModuleType, seconds: int) -> None:
    """Let this function believe that so much time has passed; the API's clock goes on as it did."""
    clock, real = batcher.batcher.clock, batcher.batcher.clock.now
    clock.now = lambda: real() + seconds * 1000


def test_without_a_key_tasks_wait_and_the_operator_sees_why(
    batcher: ModuleType,
    agents: Account,
    claude: StandInClient,
    now: int,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    agents.put_claude_key("")
    task = waiting(agents, now, "hello")

    work(batcher)

    back = current(agents, task)
    assert (back.status, back.attempt, back.spent) == (Status.PENDING, 0, ())
    assert back.not_before >= now + 60_000
    assert '"BatchesNotAccepted":[1.0]' in capsys.readouterr().out
    (problem,) = (record for record in caplog.records if record.message == "batch not accepted")
    assert "No Claude API key" in problem.__dict__["reason"]
    assert work(batcher) == {"finished": True}, "nobody asks again before it is time"
    assert claude.batches() == []


@pytest.mark.parametrize("status", [401, 402, 403, 429, 529])
def test_a_creation_that_is_not_accepted_costs_its_tasks_nothing(
    batcher: ModuleType, agents: Account, claude: StandInClient, now: int, status: int
) -> None:
    tasks = [waiting(agents, now, "[[standin: say=ok]]", number=n) for n in range(3)]
    claude.refuse_batches(status)
    work(batcher)
    assert [(current(agents, task).status, current(agents, task).attempt) for task in tasks] == [
        (Status.PENDING, 0)
    ] * 3

    claude.accept_batches()
    _later(batcher, 121)
    work(batcher)

    assert {(current(agents, task).status, current(agents, task).attempt) for task in tasks} == {
        (Status.RUNNING, 1)
    }
    assert len(claude.batches()) == 1


def test_of_a_refused_batch_only_the_guilty_fails(
    batcher: ModuleType, agents: Account, claude: StandInClient, now: int
) -> None:
    tasks = [waiting(agents, now, f"[[standin: say=ok]] number-{n}.", number=n) for n in range(8)]
    claude.refuse_batches(400, "number-5.")

    for _ in range(4):
        work(batcher)
    claude.release_batches()
    assert work(batcher) == {"open": 3, "finished": True}

    guilty = current(agents, tasks.pop(5))
    assert guilty.failure is not None
    assert (guilty.failure.code, "answered 400" in guilty.failure.message) == (
        FailureCode.EXECUTION_ERROR,
        True,
    )
    assert {current(agents, task).status for task in tasks} == {Status.COMPLETED}
    assert sorted(len(made.custom_ids) for made in claude.batches()) == [1, 2, 4]
    assert work(batcher) == {"finished": True}


def test_a_canceled_batch_is_canceled_there_too(
    batcher: ModuleType, agents: Account, claude: StandInClient, now: int
) -> None:
    task = waiting(agents, now, "[[standin: say=ok]]")
    work(batcher)
    batcher.batcher.submission.tasks.finalizer.cancel(current(agents, task))

    work(batcher)

    assert [batch.status for batch in claude.batches()] == ["canceling"]
    claude.release_batches()
    assert work(batcher) == {"open": 1, "finished": True}
    assert work(batcher) == {"finished": True}


@pytest.mark.parametrize("partition", ["BATCH#OPEN", "BATCH#PROJECTS#0", "BATCH#LINE#demo"])
def test_a_store_that_does_not_answer_is_asked_again(
    batcher: ModuleType, agents: Account, claude: StandInClient, now: int, partition: str
) -> None:
    task = waiting(agents, now, "[[standin: say=ok]]")
    agents.calls.fail("Query", Fault.THROTTLED, on=partition)
    report = work(batcher)
    assert report["errors"] == 1

    work(batcher)

    assert current(agents, task).status is Status.RUNNING
    assert len(claude.batches()) == 1


def test_an_idle_run_reads_two_lists_and_the_switch_and_gives_a_sign_of_life(
    capsys: pytest.CaptureFixture[str], batcher: ModuleType, agents: Account
) -> None:
    agents.calls.made.clear()

    assert work(batcher) == {"finished": True}

    read = [call.parameters["ExpressionAttributeValues"][":pk"]["S"] for call in agents.calls.of("Query")]
    assert sorted(read) == ["BATCH#OPEN", *(f"BATCH#PROJECTS#{n}" for n in range(4))]
    [switch] = agents.calls.of("GetItem")
    assert switch.parameters["Key"]["pk"] == {"S": "QUEUE#TASKS"}
    assert len(agents.calls.made) == len(read) + 1
    assert '"BatchRuns":[1.0]' in capsys.readouterr().out
