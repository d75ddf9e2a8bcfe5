"""Tasks on DynamoDB: what is read of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.dynamodb.tasks.ended import DynamoDBEndedTasks
from a2a_tasks.adapters.dynamodb.tasks.listing import DynamoDBTaskList
from a2a_tasks.adapters.dynamodb.tasks.pending import DynamoDBPending
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.ids import IdRange, is_task_id
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.domain.task_filter import TaskFilter
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.tasks import DueEntry, EndedPage, InvalidCursor, TaskPage, TaskSummary


@dataclass(frozen=True)
class DynamoDBTaskQueries(Store):
    """The reads of ``TaskStore``, from one table with the indexes ``list``, ``due``, ``retention`` and
    ``pending``.

    No reader sees a task after its retention, although the table's TTL deletes it hours or days later.
    """

    kept_ms: int = 0
    """Longest life and retention of a task, for its time to live (milliseconds). Only needed by functions
    that create tasks."""
    clock: Clock = field(default_factory=SystemClock)

    def get(self, ref: TaskRef) -> Task | None:
        return self._task(ref, consistent=True)

    def get_eventually_consistent(self, ref: TaskRef) -> Task | None:
        return self._task(ref, consistent=False)

    def _task(self, ref: TaskRef, *, consistent: bool) -> Task | None:
        item = self._get(task_items.key(ref), consistent=consistent)
        return next(iter(self._kept([item] if item else [])), None)

    def read(self, ref: TaskRef) -> Task | None:
        condition = "pk = :pk AND sk BETWEEN :first AND :last"
        items, _ = self._query(condition, task_items.with_outputs(ref), ConsistentRead=True)
        task = task_items.from_items(ref, items)
        # the record is the last item of the range; outputs have no retention of their own
        return task if task and self._kept(items[-1:]) else None

    def get_all(self, refs: Sequence[TaskRef]) -> list[Task]:
        return self._kept(self._get_all([task_items.key(ref) for ref in refs]))

    def page(
        self, agent_id: str, status: Status | None, limit: int, cursor: str | None, now: int = 0
    ) -> TaskPage:
        statuses = frozenset() if status is None else frozenset({status})
        return self.search([agent_id], TaskFilter(statuses), limit, cursor, now)

    def search(
        self, agent_ids: Sequence[str], wanted: TaskFilter, limit: int, cursor: str | None, now: int
    ) -> TaskPage:
        if cursor is not None and not is_task_id(cursor):
            raise InvalidCursor(cursor)
        return self._list.search(agent_ids, wanted, limit, cursor, now)

    def ended(self, agent_id: str, ids: IdRange, position: str | None, limit: int) -> EndedPage:
        return DynamoDBEndedTasks(self.client, self.table).read(agent_id, ids, position, limit)

    def summaries(self, agent_id: str, limit: int) -> list[TaskSummary]:
        return self._list.summaries(agent_id, limit)

    def due(self, shard: int, now: int, limit: int, after: DueEntry | None = None) -> list[DueEntry]:
        partition, start = f"due#{shard}", {}
        if after is not None:
            # a position is enough to continue from; the entry may no longer exist
            place = task_items.key(after.ref) | {"dueShard": partition, "dueAt": after.due_at}
            start = {"ExclusiveStartKey": to_attributes(place)}
        items = self._due(partition, now, limit, **start)
        return [DueEntry(task_items.ref_of(item), int(item["dueAt"])) for item in items]

    def count_pending(self, agent_id: str, limit: int, now: int) -> int:
        return DynamoDBPending(self.client, self.table).count(agent_id, limit, now)

    def past_retention(self, shard: int, now: int, limit: int) -> list[Task]:
        condition = "expireShard = :shard AND expireAt <= :now"
        values = {"shard": f"retention#{shard}", "now": now}
        entries, _ = self._query(condition, values, IndexName="retention", Limit=limit)
        # the index has only keys and is eventually consistent, so the items are read before they are deleted
        found = (self._get({"pk": entry["pk"], "sk": entry["sk"]}) for entry in entries)
        return [task_items.from_item(item) for item in found if item]

    def is_retained(self, task_id: str) -> bool:
        # a query, because the key of an object in the bucket does not contain the agent's id
        return bool(self._kept(self._items(task_items.partition(task_id), task_items.TASK_PREFIX)))

    def _kept(self, items: Sequence[Item]) -> list[Task]:
        """The tasks of items, without those past their retention."""
        now = self.clock.now()
        return [task_items.from_item(item) for item in items if not task_items.is_past(item, now)]

    @property
    def _list(self) -> DynamoDBTaskList:
        return DynamoDBTaskList(self.client, self.table, self.get_all)
