"""What waiting and streaming read, in DynamoDB's units: linear in the length of what is read."""

from dataclasses import replace

import pytest

from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.conversations.live_reader import LiveReader
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.tasks.queries import Tasks
from tests.integration.support.account import Account
from tests.integration.support.stored_task import claimed, created
from tests.integration.support.task_units import task_units
from tests.twins.clock import FakeClock
from tests.twins.deployment import Deployment

TASK = "0197a4e0-0000-7000-8000-000000000001"
PIECE = "A sentence of the answer, as it comes within two seconds of it. " * 4


def test_a_stream_reads_as_many_units_as_it_has_pieces(account: Account) -> None:
    live, units = DynamoDBLive(account.dynamodb, account.resources["TasksTable"]), task_units()

    def read(pieces: int) -> float:
        task_id = TASK[:-4] + f"{pieces:04d}"
        listener = LiveReader(live, task_id, FakeClock())
        heard = ""
        for number in range(pieces):
            live.append(task_id, LiveChunk(1, 1, number, PIECE), 0)
            with units.metering():
                text, _ = listener.read_new()
                listener.read_new()
            heard += text.text if text else ""
        assert heard == PIECE * pieces
        return units.take()[1]

    assert [read(10), read(40)] == [10, 40], "two looks a piece, half a unit each"


def test_a_look_costs_half_a_read(account: Account) -> None:
    task, units = created(account.store, SystemClock().now()), task_units()

    with units.metering():
        account.store.get_eventually_consistent(task.ref)
        looked = units.take()
        account.store.get(task.ref)

    assert (looked, units.take()) == ((0, 0.5), (0, 1))


@pytest.mark.parametrize(("seconds", "read"), [(10, 16.0), (20, 22.5)])
def test_a_wait_reads_little(account: Account, seconds: int, read: float) -> None:
    """Two whole reads, at its start and its end, and half a unit for each look in between."""
    units, deployment = task_units(), Deployment()
    clock, store = deployment.clock, account.store
    finalizer = replace(deployment.finalizer(), store=store)
    task = claimed(store, created(store, clock.now(), deadline=clock.now() + 900_000), clock.now())
    tasks = Tasks(
        store, deployment.registry, deployment.payloads, deployment.payloads, finalizer, clock.advance
    )

    with units.metering():
        tasks.wait(task.project_id, task.ref.agent_id, task.ref.task_id, seconds)

    assert units.take() == (0, read)
