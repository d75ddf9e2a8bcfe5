"""An agent's ended tasks from the index ``list``, one of its partitions after the other: for reports, which
need no order."""

from dataclasses import dataclass, replace

from a2a_tasks.adapters.dynamodb.store import Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.ids import IdRange, following, is_task_id
from a2a_tasks.ports.tasks import EndedPage, InvalidCursor, TaskSummary


@dataclass(frozen=True)
class DynamoDBEndedTasks(Store):
    """Reads ended tasks. Raises ``StoreUnavailable``."""

    def read(self, agent_id: str, ids: IdRange, position: str | None, limit: int) -> EndedPage:
        """As ``TaskStore.ended``. A position is ``<partition>.<next id>``."""
        number, first = (0, ids.first) if position is None else _parsed(position)
        found: list[TaskSummary] = []
        looked_at = 0
        while number < task_items.LIST_SHARDS:
            rest = replace(ids, first=max(first, ids.first))
            if looked_at >= limit:
                return EndedPage(found, looked_at, f"{number}.{rest.first}")
            if rest.is_empty:
                number, first = number + 1, ids.first
                continue
            shard = task_items.list_partition(agent_id, number)
            condition, values = task_items.listed_in(shard, rest)
            entries, last = self._query(condition, values, IndexName="list", Limit=limit - looked_at)
            looked_at += len(entries)
            found += filter(None, map(task_items.to_summary, entries))
            if last is None:
                number, first = number + 1, ids.first
            else:
                # continues after the last id, so a position stays valid if that entry is deleted
                first = following(task_items.ref_of(entries[-1]).task_id)
        return EndedPage(found, looked_at, None)


def _parsed(position: str) -> tuple[int, str]:
    number, _, first = position.partition(".")
    if number not in map(str, range(task_items.LIST_SHARDS)) or not is_task_id(first):
        raise InvalidCursor(position)
    return int(number), first
