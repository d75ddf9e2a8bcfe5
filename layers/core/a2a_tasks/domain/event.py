"""An event: one step of a task's course, as its callers are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    STATUS = "status"  # a change of state
    TURN = "turn"  # a reply of the model was saved
    TOOL = "tool"  # a tool began that others might notice: it writes files, or starts another agent's task
    PROGRESS = "progress"  # the agent reported a step
    ARTIFACT = "artifact"  # a result was saved beside the answer


class Reason(StrEnum):
    """Why a task that had begun is pending again."""

    RETRY = "retry"  # another attempt follows
    HANDED_OVER = "handed_over"  # another worker goes on; it was no failed attempt
    WAITS_FOR_MODEL = "waits_for_model"  # the model, or the account, had too many calls; no failed attempt
    AWAITS_TASKS = "awaits_tasks"  # the tasks that it started must end first
    ANSWERED = "answered"  # its question was answered


@dataclass(frozen=True)
class Event:
    """``at`` is in Unix milliseconds. ``details`` are a JSON object, stored as it is seen: ``status`` with
    ``reason``? and ``code``?; ``turn`` with ``tools``?; ``tool``; ``step``? and ``percent``?; or
    ``artifactId``.

    Events have no number of their own, since not every writer can know it: they are counted. ``skipped`` is
    how many events were dropped for this one, so that those behind it keep their numbers.
    """

    at: int
    type: EventType
    details: Mapping[str, Any] = field(default_factory=dict)
    skipped: int = 0


@dataclass(frozen=True)
class Placed:
    """An event and its place in a task's list (from 0), so that writing it again changes nothing. With
    ``is_last`` what stands behind it goes: one event, which it tells of as well."""

    place: int
    event: Event
    is_last: bool = False
