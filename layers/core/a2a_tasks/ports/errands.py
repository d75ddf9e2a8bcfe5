"""Errands: answers and news that are to be brought to a chat."""

from dataclasses import dataclass

from a2a_tasks.domain.task import Status, TaskRef


@dataclass(frozen=True)
class Errand:
    """What has become of a task is to be told to an exchange, or else to a group by its connection.

    ``status`` and ``at`` (Unix milliseconds) are the change that is told of.
    """

    ref: TaskRef
    project_id: str
    status: Status
    at: int
    correlation_id: str
    exchange_id: str | None = None
    group: str | None = None
