"""What waiting and streaming read, in DynamoDB's units: linear in the length of what is read."""

from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.conversations.listening import Listener
from a2a_tasks.ports.live import LiveChunk
from bench.support.dynamodb_units import Units
from tests.integration.support.account import Account
from tests.integration.support.stored_task import created
from tests.twins.clock import FakeClock

TASK = "0197a4e0-0000-7000-8000-000000000001"
PIECE = "A sentence of the answer, as it comes within two seconds of it. " * 4


def test_a_stream_reads_as_many_units_as_it_has_pieces(account: Account) -> None:
    live, units = DynamoDBLive(account.dynamodb, account.resources["TasksTable"]), Units()

    def read(pieces: int) -> float:
        task_id = TASK[:-4] + f"{pieces:04d}"
        listener = Listener(live, task_id, FakeClock())
        heard = ""
        for number in range(pieces):
            live.append(task_id, LiveChunk(1, 1, number, PIECE), 0)
            with units.metering():
                text, _ = listener.news()
                listener.news()
            heard += text.text if text else ""
        assert heard == PIECE * pieces
        return units.take()[1]

    assert [read(10), read(40)] == [10, 40], "two looks a piece, half a unit each"


def test_a_look_costs_half_a_read(account: Account) -> None:
    task, units = created(account.store, SystemClock().now()), Units()

    with units.metering():
        account.store.look(task.ref)
        looked = units.take()
        account.store.get(task.ref)

    assert (looked, units.take()) == ((0, 0.5), (0, 1))
