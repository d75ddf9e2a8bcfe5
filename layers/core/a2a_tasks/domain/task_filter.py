"""Which tasks a list shows."""

from dataclasses import dataclass

from a2a_tasks.domain import ids
from a2a_tasks.domain.task import LIVE, Status, Task


@dataclass(frozen=True)
class TaskFilter:
    """Conditions that must all hold. The defaults let every task pass. Times are Unix milliseconds."""

    statuses: frozenset[Status] = frozenset()
    """Only these; empty: any. ``failed`` includes tasks whose deadline has passed without anybody having
    failed them yet."""
    created_from: int = 0
    created_before: int | None = None
    id_part: str = ""
    """Part of the task's id, or the whole."""

    @property
    def is_sparse(self) -> bool:
        """Whether tasks that match may be few among those created in its time."""
        return bool(self.statuses or self.id_part)

    def ids_before(self, cursor: str | None) -> ids.IdRange:
        """The ids of its time, below those of earlier pages. Ids tell when their tasks were created."""
        ends = [cursor] if cursor is not None else []
        if self.created_before is not None:
            ends.append(ids.oldest_task_id(self.created_before))
        last = ids.preceding(min(ends)) if ends else ids.LAST
        first = ids.oldest_task_id(self.created_from) if self.created_from else ids.FIRST
        if ids.is_task_id(self.id_part):
            return ids.IdRange(max(first, self.id_part), min(last, self.id_part))
        return ids.IdRange(first, last)

    def may_show(self, task_id: str, ended_as: Status | None, deadline: int, now: int) -> bool:
        """Whether a task may match, judging by an index entry; then it must be read."""
        if self.id_part not in task_id:
            return False
        if not self.statuses:
            return True
        if ended_as is not None:
            return ended_as in self.statuses
        return bool(self.statuses & LIVE) or (Status.FAILED in self.statuses and deadline <= now)

    def shows(self, task: Task, now: int) -> bool:
        """Whether a task in its range of ids matches."""
        if self.id_part not in task.ref.task_id:
            return False
        is_failed = Status.FAILED in self.statuses and task.is_expired(now)
        return not self.statuses or task.status in self.statuses or is_failed
