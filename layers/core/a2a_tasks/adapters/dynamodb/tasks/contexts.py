"""Conversations in the tasks table: one partition each, one entry per task."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks.task_items import TASK_PREFIX, kept_until
from a2a_tasks.domain.task import ContextRef


@dataclass(frozen=True)
class DynamoDBContexts(Store):
    """``ContextStore``."""

    kept_ms: int = 0
    """Longest life and retention of a task (milliseconds), for the time to live: older entries belong to
    no task. Only needed to add entries."""

    def add(self, context: ContextRef, task_id: str) -> None:
        """Needs no condition: repeated writes are identical."""
        self._put(_key(context, task_id) | {"ttl": kept_until(task_id, self.kept_ms)})

    def newest(self, context: ContextRef, before: str, limit: int) -> list[str]:
        return self._ids(context, "sk < :bound", before, limit, forward=False)[::-1]

    def page(self, context: ContextRef, after: str | None, limit: int) -> list[str]:
        return self._ids(context, "sk > :bound", after or "", limit, forward=True)

    def remove(self, context: ContextRef, task_id: str) -> None:
        self._delete(_key(context, task_id))

    def _ids(self, context: ContextRef, sort: str, bound: str, limit: int, *, forward: bool) -> list[str]:
        """A page: up to ``limit`` tasks before or after a task."""
        place = _key(context, bound)
        values = {"pk": place["pk"], "bound": place["sk"]}
        # a consistent read: a message must see the previous one, however quickly it follows
        options = {"ConsistentRead": True, "ScanIndexForward": forward, "Limit": limit}
        items, _ = self._query(f"pk = :pk AND {sort}", values, **options)
        return [item["sk"].removeprefix(TASK_PREFIX) for item in items]


def _key(context: ContextRef, task_id: str) -> Item:
    return {"pk": f"CONTEXT#{context.agent_id}#{context.context_id}", "sk": f"{TASK_PREFIX}{task_id}"}
