"""Writes of what processes agree on: slots, leases, paces, rates, batches."""

from dataclasses import replace
from decimal import Decimal

from a2a_tasks.adapters.dynamodb.batch_line import DynamoDBBatchLine
from a2a_tasks.adapters.dynamodb.paces import DynamoDBPaces
from a2a_tasks.adapters.dynamodb.shard_leases import DynamoDBShardLeases
from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb.takers import DynamoDBTakers
from a2a_tasks.adapters.dynamodb.workers import MOST_NOTES, DynamoDBWorkers
from a2a_tasks.domain.access.rate import Rate, RateLimitKind
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.overload.pace import PaceKey, after_success, after_throttling
from a2a_tasks.domain.taker import Taker
from a2a_tasks.domain.task import Priority, TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batches import Batch, BatchMember, QueuedProject, QueuedTask
from a2a_tasks.ports.rates import Bucket, StreamPlace
from a2a_tasks.ports.slots import Holder, Scope, Waiter
from tests.integration.contracts.sent_twice.write import Write
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.stored_task import NOW, new_task

TASK, OTHER = new_task(), new_task(number=1)
LATER = NOW + 60_000
SCOPE = Scope(AGENT)
MINE, THEIRS = Holder(TASK.ref.task_id, 1, NOW), Holder(OTHER.ref.task_id, 1, NOW)
NOBODY = Holder("", 7, NOW)
"""Who borrows a slot, under a random fence."""
WAITER = Waiter(TASK.ref.task_id, Priority.NORMAL, 1, LATER, NOW, NOW)
LEASE = Lease("w1", NOW + 8_000)
RENEWED = Lease("w1", NOW + 12_000, tasks=frozenset({TASK.ref}), due_at=NOW + 90_000)
TAKER = Taker("taker-1", tasks=30, room=70, until=NOW + 12_000)
PACE_KEY = PaceKey("claude-opus-5-5", "claude-api")
SLOW = after_throttling(None, NOW, None, is_overloaded=True)
MICROS = NOW * 1_000
RATE, BUCKET = Rate(3_600, 10), Bucket("key", RateLimitKind.REQUESTS)
PLACE = StreamPlace("key", 0, LATER)
BATCH = Batch("batch-1", "run-1", tried_at=NOW, count=2, project_id=PROJECT)
FIRST = Batch("part-0", "run-1", NOW, 1, PROJECT, root="batch-1", reserved=Usage(5, cost_usd=Decimal(1)))
SECOND = replace(FIRST, batch_id="part-1", first=1)
MEMBERS = (BatchMember(TASK.ref, 1), BatchMember(TaskRef("other", "task-2"), 3))
ENTRY = QueuedTask(TASK.ref, NOW, PROJECT)


def slots(account: Account) -> DynamoDBSlots:
    return DynamoDBSlots(account.dynamodb, account.resources["TasksTable"])


def held(account: Account) -> None:
    slots(account).take(SCOPE, 0, MINE, LATER)


def watched(account: Account) -> None:
    slots(account).watch(SCOPE, LATER, NOW)


def workers(account: Account) -> DynamoDBWorkers:
    return DynamoDBWorkers(account.dynamodb, account.resources["TasksTable"])


def leased(account: Account) -> None:
    workers(account).open(LEASE)


def full_of_notes(account: Account) -> None:
    leased(account)
    for number in range(MOST_NOTES - 1):
        workers(account).note("w1", f"task-{number}")


def broken(account: Account) -> None:
    leased(account)
    workers(account).break_lease(LEASE)


def shards(account: Account) -> DynamoDBShardLeases:
    return DynamoDBShardLeases(account.dynamodb, account.resources["TasksTable"])


def takers(account: Account) -> DynamoDBTakers:
    return DynamoDBTakers(account.dynamodb, account.resources["TasksTable"])


def paces(account: Account) -> DynamoDBPaces:
    return DynamoDBPaces(account.dynamodb, account.resources["TasksTable"])


def paced(account: Account) -> None:
    paces(account).put(PACE_KEY, None, SLOW)


def line(account: Account) -> DynamoDBBatchLine:
    return DynamoDBBatchLine(account.dynamodb, account.resources["TasksTable"])


def in_line(account: Account) -> None:
    line(account).enqueue(TASK, NOW)


def begun(account: Account) -> None:
    account.batches.begin(BATCH, MEMBERS)


OF_SLOTS = [
    Write("DynamoDBSlots.take", lambda account: slots(account).take(SCOPE, 0, MINE, LATER)),
    Write("DynamoDBSlots.take", lambda account: slots(account).take(SCOPE, 0, NOBODY, LATER)),
    Write(
        "DynamoDBSlots.take",
        lambda account: slots(account).take(SCOPE, 0, Holder(TASK.ref.task_id, 2, NOW), LATER),
        held,
    ),
    Write(
        "DynamoDBSlots.pass_on", lambda account: slots(account).pass_on(SCOPE, 0, MINE, THEIRS, LATER), held
    ),
    Write(
        "DynamoDBSlots.free",
        lambda account: slots(account).free(SCOPE, 0, TASK.ref.task_id, 2),
        held,
        harmless="nobody asks who has freed it",
    ),
    Write("DynamoDBSlots.wait", lambda account: slots(account).wait(SCOPE, WAITER)),
    Write(
        "DynamoDBSlots.stop_waiting",
        lambda account: slots(account).stop_waiting(SCOPE, WAITER),
        lambda account: slots(account).wait(SCOPE, WAITER),
    ),
    Write("DynamoDBSlots.watch", lambda account: slots(account).watch(SCOPE, LATER, NOW)),
    Write(
        "DynamoDBSlots.reschedule",
        lambda account: slots(account).reschedule(SCOPE, LATER, LATER + 1, NOW + 1),
        watched,
        harmless="nobody asks who has moved it",
    ),
    Write(
        "DynamoDBSlots.forget_line",
        lambda account: slots(account).forget_line(SCOPE, LATER),
        watched,
        harmless="nobody asks who has forgotten it",
    ),
]

OF_WORKERS = [
    Write("DynamoDBWorkers.open", lambda account: workers(account).open(LEASE)),
    Write(
        "DynamoDBWorkers.renew",
        lambda account: workers(account).renew(RENEWED),
        leased,
        harmless="what the first one has found is not known, so the worker looks at all its tasks",
    ),
    Write("DynamoDBWorkers.break_lease", lambda account: workers(account).break_lease(LEASE), leased),
    Write("DynamoDBWorkers.note", lambda account: workers(account).note("w1", TASK.ref.task_id), leased),
    Write(
        "DynamoDBWorkers.note",
        lambda account: workers(account).note("w1", TASK.ref.task_id),
        full_of_notes,
        harmless="its own note has taken the last place, so the worker is told to look at all its tasks",
    ),
    Write("DynamoDBWorkers.forget", lambda account: workers(account).forget("w1"), broken),
    Write("DynamoDBShardLeases.take", lambda account: shards(account).take(3, "one", NOW, LATER)),
    Write(
        "DynamoDBShardLeases.give_back",
        lambda account: shards(account).give_back(3, "one"),
        lambda account: shards(account).take(3, "one", NOW, LATER),
    ),
    Write("DynamoDBTakers.put", lambda account: takers(account).put(TAKER)),
    Write(
        "DynamoDBTakers.leave",
        lambda account: takers(account).leave(TAKER.taker_id),
        lambda account: takers(account).put(TAKER),
    ),
]

OF_LIMITS = [
    Write("DynamoDBPaces.put", lambda account: paces(account).put(PACE_KEY, None, SLOW)),
    Write(
        "DynamoDBPaces.put",
        lambda account: paces(account).put(PACE_KEY, SLOW, after_success(SLOW, NOW + 5)),
        paced,
    ),
    Write(
        "DynamoDBPaces.take",
        lambda account: paces(account).take(PACE_KEY, SLOW, LATER, is_urgent=True),
        paced,
        harmless="the call waits for the next turn of the pace, and a turn is left unused",
    ),
    Write("DynamoDBPaces.note_urgent", lambda account: paces(account).note_urgent(PACE_KEY, LATER), paced),
    Write(
        "DynamoDBRates.take",
        lambda account: account.rates.take(BUCKET, RATE, 1, MICROS),
        harmless="one is taken twice, which comes back with time",
    ),
    Write(
        "DynamoDBOpenStreams.take",
        lambda account: account.open_streams.take(PLACE.key_id, 1, NOW, PLACE.until),
    ),
    Write(
        "DynamoDBOpenStreams.free",
        lambda account: account.open_streams.free(PLACE),
        lambda account: account.open_streams.take(PLACE.key_id, 1, NOW, PLACE.until),
    ),
]

OF_BATCHES = [
    Write("DynamoDBBatchLine.enqueue", lambda account: line(account).enqueue(TASK, NOW)),
    Write("DynamoDBBatchLine.put", lambda account: line(account).put(PROJECT, TASK.ref, NOW, NOW)),
    Write("DynamoDBBatches.pause", lambda account: account.batches.pause(PROJECT, 2, LATER), in_line),
    Write(
        "DynamoDBBatches.forget",
        lambda account: account.batches.forget(QueuedProject(PROJECT, NOW)),
        in_line,
    ),
    Write("DynamoDBBatches.drop", lambda account: account.batches.drop(ENTRY), in_line),
    Write(
        "DynamoDBBatches.count_try",
        lambda account: account.batches.count_try(ENTRY, "run-1"),
        in_line,
        harmless="it is counted, and the next run finds the count in the entry",
    ),
    Write(
        "DynamoDBBatches.note_preparing",
        lambda account: account.batches.note_preparing(PROJECT, "run-1", NOW, [ENTRY]),
    ),
    Write(
        "DynamoDBBatches.end_preparing",
        lambda account: account.batches.end_preparing(PROJECT, "run-1"),
        lambda account: account.batches.note_preparing(PROJECT, "run-1", NOW, [ENTRY]),
    ),
    Write("DynamoDBBatches.begin", lambda account: account.batches.begin(BATCH, MEMBERS)),
    Write("DynamoDBBatches.abandon", lambda account: account.batches.abandon(PROJECT, "batch-2", NOW)),
    Write("DynamoDBBatches.split", lambda account: account.batches.split(BATCH, (FIRST, SECOND), NOW), begun),
    Write("DynamoDBBatches.update", lambda account: account.batches.update(BATCH), begun),
    Write("DynamoDBBatches.assign", lambda account: account.batches.assign("msgbatch_1", "batch-1", NOW)),
    Write("DynamoDBBatches.close", lambda account: account.batches.close(BATCH), begun),
]

OF_PROCESSES = [*OF_SLOTS, *OF_WORKERS, *OF_LIMITS, *OF_BATCHES]
