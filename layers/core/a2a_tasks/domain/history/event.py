"""An event: one step in a task's history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """The kinds of events. Their values are stored, and sent to callers."""

    STATUS = "status"  # a change of state
    TURN = "turn"  # a reply of the model was saved
    TOOL = "tool"  # a tool with visible effects started: it writes files, or starts another agent's task
    PROGRESS = "progress"  # the agent reported a step
    ARTIFACT = "artifact"  # a result was saved beside the answer


class PendingReason(StrEnum):
    """Why a task that had begun is pending again."""

    RETRY = "retry"  # another attempt follows
    HANDED_OVER = "handed_over"  # another worker continues; no failed attempt
    # the model is overloaded or the account rate-limited; no failed attempt
    WAITS_FOR_MODEL = "waits_for_model"
    AWAITS_TASKS = "awaits_tasks"  # the tasks that it started must end first
    ANSWERED = "answered"  # its question was answered


@dataclass(frozen=True)
class Event:
    """One step in a task's history.

    Events carry no number of their own, because not every writer knows how many there are; readers count
    them.
    """

    at: int
    """Unix milliseconds."""
    type: EventType
    details: Mapping[str, Any] = field(default_factory=dict)
    """JSON object, stored as callers get it, by type: ``status`` with ``reason``? and ``code``?; ``turn``
    with ``tools``?; ``tool``; ``step``? and ``percent``?; ``artifactId``."""
    skipped: int = 0
    """Events that this one replaced; readers add them, so that later events keep their numbers."""


@dataclass(frozen=True)
class NumberedEvent:
    """An event as readers get it."""

    number: int
    """From 1. Numbers rise; where events were replaced, some are missing."""
    at: int
    """Unix milliseconds."""
    type: EventType
    details: Mapping[str, Any]
    """The event's own, with ``attempt`` where a claim began one, and the artifact's ``name``."""


@dataclass(frozen=True)
class IndexedEvent:
    """An event and its index in the task's list (from 0), which makes the write idempotent."""

    index: int
    event: Event
    is_last: bool = False
    """The single event after this index is removed; this event replaces it too."""
