"""Delivery status of a task's notifications."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from a2a_tasks.domain.history.event import EventType
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.webhooks.push import StoredPushConfig

QUEUED_MS = 14 * 24 * 3_600_000
"""The maximum retention of SQS."""


class DeliveryState(StrEnum):
    """Status of a notification's delivery."""

    PENDING = "pending"  # not tried yet
    RETRYING = "retrying"  # an attempt failed; another one follows
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"  # the receiver answered 410, or did not accept it in time


@dataclass(frozen=True)
class DeliveryNote:
    """The delivery of one change to one receiver. Times are Unix milliseconds."""

    config_id: str
    status: Status
    """The task's status after the change."""
    at: int
    """Time of the change."""
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
    """Deliveries that are due and not yet attempted."""
    known = {(note.config_id, note.status, note.at) for note in noted}
    return [
        DeliveryNote(config.config_id, status, at)
        for status, at in _changes(task)
        for config in configs
        if max(config.created_at, now - QUEUED_MS) <= at and (config.config_id, status, at) not in known
    ]


def _changes(task: Task) -> Iterator[tuple[Status, int]]:
    """The changes that are delivered: all changes of the status after the creation."""
    told = [event for event in task.events if event.type is EventType.STATUS]
    # the first event is the creation, which is not delivered; nor is an event that does not change the status
    for before, event in pairwise(told):
        if event.details["status"] != before.details["status"]:
            yield Status(event.details["status"]), event.at
