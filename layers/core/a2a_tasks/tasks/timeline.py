"""A task's timeline: times, tools and costs, without any of its texts."""

from dataclasses import dataclass

from a2a_tasks.domain.history.timeline import TimelineSpan, spans_of
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.tasks import RecordStore, TaskStore

MAX_STEPS = 2_000
"""Turns and tools of a timeline, the first ones. A read of them is billed by the size of their texts."""


@dataclass(frozen=True)
class Timeline:
    """The timeline of one task."""

    task: Task
    spans: tuple[TimelineSpan, ...]
    """In order of time."""
    children: tuple[Task, ...]
    """The tasks that it started, oldest first."""
    is_cut: bool
    """There are more turns and tools than are shown."""


@dataclass(frozen=True)
class Timelines:
    """Reads timelines of tasks. Raises ``StoreUnavailable``."""

    store: TaskStore
    records: RecordStore

    def of(self, task: Task) -> Timeline:
        """The timeline of a task that was just read."""
        # the prompt and the caller's answers are records too
        found = self.records.steps(task.ref.task_id, MAX_STEPS + 2 + len(task.answered))
        steps, is_cut = found[:MAX_STEPS], len(found) > MAX_STEPS
        refs = dict.fromkeys(step.child for _, step in steps if step.child is not None)
        children = {child.ref: child for child in (self.store.get_all(list(refs)) if refs else [])}
        return Timeline(
            task=task,
            spans=spans_of(task, steps, children, is_cut=is_cut),
            children=tuple(sorted(children.values(), key=lambda child: child.ref.task_id)),
            is_cut=is_cut,
        )
