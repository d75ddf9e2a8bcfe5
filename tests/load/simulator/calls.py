"""AWS's side of each call of a port: its API, its capacity units, and the partitions that it uses.

Units are those of an item of 2 KB, the size of a task with a short message (``make bench`` measures them),
including those of its entries in indexes. Only partitions shared by many tasks are named: each takes 1,000
write units and 3,000 read units a second.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from a2a_tasks.adapters.dynamodb.batch_line import line_partition
from a2a_tasks.adapters.dynamodb.tasks.records import SPEND_SHARDS
from a2a_tasks.adapters.dynamodb.tasks.task_items import (
    LIST_SHARDS,
    due_shard,
    list_partition,
    retention_shard,
)
from a2a_tasks.domain.ids import shard
from a2a_tasks.domain.overload.pace import PaceKey
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.batches import QueuedTask
from a2a_tasks.ports.slots import PAGE, Scope
from tests.twins.stores.slots import MemorySlots

SLOT_BYTES, WAITER_BYTES = 110, 150
"""Of the item of a held slot, and of a waiter in line."""
READ_UNIT_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Touch:
    """The units that a call uses of a shared partition."""

    partition: str
    units: float
    is_write: bool = True


type Touches = Callable[..., tuple[Touch, ...]]
"""From the port and the arguments of a call."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An API call. ``requests`` is how many of them one call of the port makes."""

    service: str
    api: str
    reads: float = 0
    writes: float = 0
    touches: Touches | None = None
    requests: int = 1
    blocks_seconds: float | Callable[..., float] = 0
    """How long it waits for a result (a long poll), or a function of the call's arguments; then
    it returns as soon as there is one."""


def _read(api: str, units: float = 1, touches: Touches | None = None) -> Operation:
    return Operation("DynamoDB", api, reads=units, touches=touches)


def _write(api: str, units: float = 1, touches: Touches | None = None) -> Operation:
    return Operation("DynamoDB", api, writes=units, touches=touches)


def _of_task(_: Any, task: Task) -> tuple[Touch, ...]:
    task_id = task.ref.task_id
    return (
        Touch(due_shard(task_id), 1),
        Touch(list_partition(task.ref.agent_id, shard(task_id) % LIST_SHARDS), 1),
    )


def _of_ref(_: Any, ref: TaskRef, *__: Any) -> tuple[Touch, ...]:
    number = shard(ref.task_id) % LIST_SHARDS
    return (Touch(list_partition(ref.agent_id, number), 1),)


def _moved(_: Any, ref: TaskRef, *__: Any) -> tuple[Touch, ...]:
    """An entry of the index ``due`` is deleted and put."""
    return (*_of_ref(_, ref), Touch(due_shard(ref.task_id), 2))


def _ended(_: Any, ref: TaskRef, *__: Any) -> tuple[Touch, ...]:
    task_id = ref.task_id
    return (*_of_ref(_, ref), Touch(due_shard(task_id), 1), Touch(retention_shard(task_id), 1))


def _due(_: Any, number: int, *__: Any) -> tuple[Touch, ...]:
    return (Touch(f"due#{number}", 1, is_write=False),)


def _seen(port: MemorySlots, scope: Scope, *_: Any) -> tuple[Touch, ...]:
    size = SLOT_BYTES * len(port.page(scope, 0)) + WAITER_BYTES * len(port.waiting(scope, 10))
    return (Touch(_slots(scope), max(1, ceil(size / READ_UNIT_BYTES)), is_write=False),)


def _paged(port: MemorySlots, scope: Scope, page: int) -> tuple[Touch, ...]:
    size = SLOT_BYTES * len(port.page(scope, page))
    return (Touch(_slots(scope, page), max(1, ceil(size / READ_UNIT_BYTES)), is_write=False),)


def _slot(_: Any, scope: Scope, number: int, *__: Any) -> tuple[Touch, ...]:
    return (Touch(_slots(scope, number // PAGE), 1),)


def _in_line(_: Any, scope: Scope, *__: Any) -> tuple[Touch, ...]:
    return (Touch(_slots(scope), 1),)


def _line(_: Any, scope: Scope, limit: int, *__: Any) -> tuple[Touch, ...]:
    return (Touch(_slots(scope), max(1, ceil(WAITER_BYTES * limit / READ_UNIT_BYTES)), is_write=False),)


def _enqueued(_: Any, task: Task, *__: Any) -> tuple[Touch, ...]:
    return (Touch(line_partition(task.project_id), 1),)


def _dropped(_: Any, entry: QueuedTask) -> tuple[Touch, ...]:
    return (Touch(line_partition(entry.project_id), 1),)


def _placed(_: Any, scope: Scope, *__: Any) -> tuple[Touch, ...]:
    return (Touch(_slots(scope), 3, is_write=False),)


def _watched(_: Any, scope: Scope, *__: Any) -> tuple[Touch, ...]:
    return (Touch(_slots(scope), 1), Touch("due#lines", 2))


def _due_lines(*_: Any) -> tuple[Touch, ...]:
    return (Touch("due#lines", 1, is_write=False),)


def _slots(scope: Scope, page: int = 0) -> str:
    return f"SLOTS#{scope.agent_id}#{scope.context_id or ''}/{page}"


def _paced(_: Any, pace_key: PaceKey, *__: Any, **___: Any) -> tuple[Touch, ...]:
    return (Touch(f"PACE#{pace_key.model}#{pace_key.key}", 1),)


def _asked(_: int, __: int, wait_seconds: int) -> float:
    return wait_seconds


def _takers(*_: Any) -> tuple[Touch, ...]:
    return (Touch("TAKERS", 1),)


def _spent(_: Any, project_id: str, __: str, ___: Any, task_id: str = "") -> tuple[Touch, ...]:
    return (Touch(f"SPEND#{project_id}#{shard(task_id) % SPEND_SHARDS}", 1),)


OPERATIONS: dict[str, Operation] = {
    "store.create": _write("PutItem", 5, _of_task),
    "store.get": _read("GetItem"),
    "store.read": _read("Query"),
    "store.get_all": _read("BatchGetItem", 10),
    "store.page": _read("Query", 10),
    "store.summaries": _read("Query", 10),
    "store.claim": _write("UpdateItem", 3, _of_ref),
    "store.grant": _write("UpdateItem", 2, _of_ref),
    "store.withdraw": _write("UpdateItem", 2, _of_ref),
    "store.advance": _write("UpdateItem", 3, _of_ref),
    "store.release": _write("UpdateItem", 5, _moved),
    "store.postpone": _write("UpdateItem", 3, _moved),
    "store.request_input": _write("UpdateItem", 5, _moved),
    "store.resume": _write("UpdateItem", 5, _moved),
    "store.wake": _write("UpdateItem", 3, _of_ref),
    "store.enable_live": _write("UpdateItem", 3, _of_ref),
    "store.finish": _write("UpdateItem", 5, _ended),
    "store.add_partial_output": _write("UpdateItem", 3, _of_ref),
    "store.note_counted": _write("UpdateItem", 3, _of_ref),
    "store.enable_notifications": _write("UpdateItem", 3, _of_ref),
    "store.reschedule": _write("UpdateItem", 4, _moved),
    "store.note_undelivered": _write("UpdateItem", 4, _moved),
    "store.due": _read("Query", 1, _due),
    "store.count_pending": _read("Query", 4),
    "store.past_retention": _read("Query", 1),
    "store.is_retained": _read("Query", 1),
    "store.delete_owned": Operation("DynamoDB", "Query and BatchWriteItem", reads=1, writes=8, requests=2),
    "store.expire": _write("UpdateItem", 4),
    "store.delete": Operation("DynamoDB", "Query and BatchWriteItem", reads=1, writes=8, requests=2),
    "records.put_record": _write("PutItem", 2),
    "records.put_record_once": _write("PutItem", 2),
    "records.record": _read("GetItem"),
    "records.records": _read("Query", 2),
    "spend.add_spend": _write("UpdateItem", 1, _spent),
    "spend.spend": _read("BatchGetItem", 4),
    "workers.open": _write("PutItem"),
    "workers.renew": _write("UpdateItem", 1),
    "workers.lease": _read("GetItem"),
    "workers.break_lease": _write("UpdateItem"),
    "workers.note": _write("UpdateItem"),
    "workers.due": _read("Query"),
    "workers.forget": _write("DeleteItem"),
    "slots.state": _read("Query", 2, _seen),
    "slots.page": _read("Query", 3, _paged),
    "slots.take": _write("PutItem", 1, _slot),
    "slots.pass_on": _write("PutItem", 1, _slot),
    "slots.free": _write("DeleteItem", 1, _slot),
    "slots.wait": _write("PutItem", 1, _in_line),
    "slots.stop_waiting": _write("DeleteItem", 1, _in_line),
    "slots.place": _read("BatchGetItem", 3, _placed),
    "slots.waiting": _read("Query", 1, _line),
    "slots.watch": _write("UpdateItem", 2, _watched),
    "slots.reschedule": _write("UpdateItem", 3, _watched),
    "slots.forget_line": _write("DeleteItem", 2, _watched),
    "slots.due_lines": _read("Query", 1, _due_lines),
    "contexts.add": _write("PutItem"),
    "contexts.newest": _read("Query"),
    "contexts.page": _read("Query"),
    "contexts.remove": _write("DeleteItem"),
    "paces.pace": _read("GetItem"),
    "paces.put": _write("UpdateItem", 1, _paced),
    "paces.take": _write("UpdateItem", 1, _paced),
    "paces.note_urgent": _write("UpdateItem", 1, _paced),
    "batches.enqueue": _write("UpdateItem", 1, _enqueued),
    "batches.projects": Operation("DynamoDB", "Query", reads=4, requests=4),
    "batches.project": _read("GetItem"),
    "batches.pause": _write("UpdateItem"),
    "batches.forget": _write("DeleteItem"),
    "batches.is_empty": _read("Query"),
    "batches.waiting": _read("Query", 25),
    "batches.drop": _write("DeleteItem", 1, _dropped),
    "batches.count_try": _write("UpdateItem"),
    "batches.note_preparing": _write("PutItem", 25),
    "batches.preparing": _read("Query"),
    "batches.end_preparing": _write("DeleteItem"),
    "batches.begin": _write("PutItem", 50),
    "batches.split": _write("TransactWriteItems", 6),
    "batches.abandon": _write("PutItem"),
    "batches.open_batches": _read("Query"),
    "batches.open_of": _read("Query"),
    "batches.members": _read("Query", 25),
    "batches.update": _write("UpdateItem"),
    "batches.owner": _read("GetItem"),
    "batches.assign": _write("PutItem"),
    "batches.close": _write("DeleteItem"),
    "reservations.reserve": _write("PutItem"),
    "registry.agent": _read("GetItem"),
    "registry.revision": _read("GetItem"),
    "registry.project": _read("GetItem"),
    "push.put": _write("PutItem"),
    "push.ids": _read("Query"),
    "exchanges.of_task": _read("Query"),
    "notifications.send": Operation("SQS", "SendMessageBatch"),
    "live.append": _write("PutItem"),
    "live.chunks": _read("Query"),
    "queue.send": Operation("SQS", "SendMessage"),
    "queue.waiting": Operation("SQS", "GetQueueAttributes"),
    "leases.take": _write("UpdateItem"),
    "leases.give_back": _write("DeleteItem"),
    "helpers.start": Operation("Lambda", "Invoke"),
    "queue.change_visibility": Operation("SQS", "ChangeMessageVisibilityBatch"),
    "queue.delete": Operation("SQS", "DeleteMessage"),
    "queue.put_back": Operation("SQS", "ChangeMessageVisibility"),
    "queue.receive_direct": Operation("SQS", "ReceiveMessage", blocks_seconds=_asked),
    "takers.put": _write("PutItem", 1, _takers),
    "takers.leave": _write("DeleteItem", 1, _takers),
    "takers.listed": _read("Query", 0.5),
    "queue.receive": Operation("SQS", "ReceiveMessage", blocks_seconds=1),
    "payloads.put": Operation("S3", "PutObject"),
    "payloads.get": Operation("S3", "GetObject"),
    "payloads.get_items": _read("BatchGetItem", 2),
    "payloads.delete_all": Operation("S3", "ListObjectsV2"),
    "payloads.task_ids": Operation("S3", "ListObjectsV2"),
}


def operation(point: str) -> Operation:
    """Raises ``LookupError`` for a call that is not in the table."""
    if point not in OPERATIONS:
        raise LookupError(
            f"tests/load/simulator/calls.py has no row for {point}: add one that says what it is on AWS"
        )
    return OPERATIONS[point]
