"""What became of the notifications of a task."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from a2a_tasks.domain.history.event import EventType
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.webhooks.push import StoredPushConfig

QUEUED_MS = 14 * 24 * 3_600_000
"""No queue keeps a message for longer."""


class DeliveryState(StrEnum):
    """How far a notification is."""

    PENDING = "pending"  # not tried yet
    RETRYING = "retrying"  # tried in vain; another try follows
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"  # the receiver wants no more, or did not take it in time


@dataclass(frozen=True)
class DeliveryNote:
    """A change of a task, and what became of telling one receiver. Times are Unix milliseconds."""

    config_id: str
    status: Status
    """The status that the task came to."""
    at: int
    """When it did."""
    state: DeliveryState = DeliveryState.PENDING
    tries: int = 0
    """Requests to the receiver; of a new note, those since the last one."""
    tried_at: int | None = None
    answer: int | None = None
    """HTTP status of the last answer, if there was one."""
    reason: str | None = None
    """Why it is not delivered."""
    next_try_at: int | None = None


def pending(
    task: Task, configs: Collection[StoredPushConfig], noted: Collection[DeliveryNote], now: int
) -> list[DeliveryNote]:
    """The deliveries that are due and that nobody has tried."""
    known = {(note.config_id, note.status, note.at) for note in noted}
    return [
        DeliveryNote(config.config_id, status, at)
        for status, at in _changes(task)
        for config in configs
        if max(config.created_at, now - QUEUED_MS) <= at and (config.config_id, status, at) not in known
    ]


def _changes(task: Task) -> Iterator[tuple[Status, int]]:
    """The changes that receivers are told of: all of the status after the creation."""
    told = [event for event in task.events if event.type is EventType.STATUS]
    # the first event is the creation, which is no change; and a status that stays the same tells nobody
    # anything
    for before, event in pairwise(told):
        if event.details["status"] != before.details["status"]:
            yield Status(event.details["status"]), event.at
