"""Conversations in memory."""

from dataclasses import dataclass, field

from a2a_tasks.domain.task import ContextRef


@dataclass
class MemoryContexts:
    """``ContextStore``; each operation is one operation of a set, which is atomic."""

    entries: dict[ContextRef, set[str]] = field(default_factory=dict)

    def add(self, context: ContextRef, task_id: str) -> None:
        self.entries.setdefault(context, set()).add(task_id)

    def newest(self, context: ContextRef, before: str, limit: int) -> list[str]:
        return [task_id for task_id in self._sorted(context) if task_id < before][-limit:]

    def page(self, context: ContextRef, after: str | None, limit: int) -> list[str]:
        return [task_id for task_id in self._sorted(context) if task_id > (after or "")][:limit]

    def remove(self, context: ContextRef, task_id: str) -> None:
        self.entries.get(context, set()).discard(task_id)

    def _sorted(self, context: ContextRef) -> list[str]:
        return sorted(self.entries.get(context, ()))
