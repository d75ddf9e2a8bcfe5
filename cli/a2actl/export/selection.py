"""Which tasks are exported, in which order, and where an earlier export stopped."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from a2a_tasks.domain.ids import created_ms, is_task_id, oldest_task_id
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.tasks import TaskStore
from a2actl.terminal.fault import Fault

PAGE = 100
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Selection:
    """Tasks of these agents that were created from ``since`` to before ``until`` (Unix milliseconds)."""

    agent_ids: tuple[str, ...]
    since: int
    until: int

    def pages(self, store: TaskStore, after: TaskRef | None, now: int) -> Iterator[list[Task]]:
        """By agent, newest first, a page at a time; only those after ``after`` if it is given."""
        for agent_id in self.agent_ids:
            if after is not None and agent_id < after.agent_id:
                continue
            is_begun = after is not None and agent_id == after.agent_id
            cursor: str | None = (
                after.task_id if after is not None and is_begun else oldest_task_id(self.until)
            )
            while cursor is not None:
                page = store.page(agent_id, None, PAGE, cursor, now)
                wanted = [task for task in page.tasks if task.created_at >= self.since]
                yield wanted
                cursor = page.cursor if len(wanted) == len(page.tasks) else None


def moment(text: str, option: str) -> int:
    """A day, which begins at midnight (UTC), or a moment in ISO 8601, in Unix milliseconds. ``Fault`` names
    the option."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Fault(
            f"{option} takes a day or a time, such as 2026-11-28 or 2026-11-28T09:00:00Z; not {text!r}."
        ) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def resumed(file: Path) -> tuple[TaskRef | None, int]:
    """The last task of a file that an export has left, and the bytes up to its end: what follows is half a
    line. Raises ``Fault`` if it is no such file."""
    last, whole = _last_line(file)
    if not last:
        return None, 0
    try:
        document = json.loads(last)
        ref = TaskRef(document["agentId"], document["taskId"])
        created_ms(ref.task_id)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Fault(f"{file}: its last line is not a task of an export; choose another --output.") from None
    if not is_task_id(ref.task_id):
        raise Fault(f"{file}: its last line is not a task of an export; choose another --output.")
    return ref, whole


def _last_line(file: Path) -> tuple[bytes, int]:
    """The last line that has an end, and where that is."""
    with file.open("rb") as opened:
        end = opened.seek(0, 2)
        tail, start = b"", end
        while start and tail.count(b"\n") < 2:
            step = min(_CHUNK, start)
            start -= step
            opened.seek(start)
            tail = opened.read(step) + tail
    complete, newline, _ = tail.rpartition(b"\n")
    return complete.rpartition(b"\n")[2], start + len(complete) + len(newline)
