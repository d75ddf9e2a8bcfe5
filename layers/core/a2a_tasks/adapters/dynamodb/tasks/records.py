"""Records of tasks, and daily spend of projects, in the tasks table."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, islice

from a2a_tasks.adapters.dynamodb.store import Item, Store, Write
from a2a_tasks.adapters.dynamodb.tasks import task_items, task_values
from a2a_tasks.adapters.dynamodb.update import ItemCondition, ItemUpdate, when
from a2a_tasks.domain.history.step import Step
from a2a_tasks.domain.ids import shard
from a2a_tasks.domain.record_keys import FIRST_RECORD
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.tasks import Record

SPEND_KEPT_SECONDS = 400 * 24 * 3600
"""Time to live of a day's spend."""
SPEND_SHARDS = 4
"""Items per project and day. One takes 1,000 writes a second, and each turn is a write; all are read
together, so there are no more than needed. Must never shrink: what the removed shards hold would be
forgotten."""


@dataclass(frozen=True)
class DynamoDBRecords(Store):
    """``RecordStore``: one item per record, in the partition of what its task owns."""

    kept_ms: int
    """Longest life and retention of a task (milliseconds), for the time to live: older records belong to
    no task."""

    def put_record(self, task_id: str, fence: int, record: Record) -> bool:
        """Protects what a later worker has written: a lower fence never overwrites a higher one."""
        # an equal fence: the same worker retries after a lost response
        not_later = when("attribute_not_exists(pk)", "fence <= :fence", fence=fence)
        return self._write_record(task_id, fence, record, not_later).is_made

    def put_record_once(self, task_id: str, fence: int, record: Record) -> Record | None:
        """Protects the first record: of two answers to one question only the first counts."""
        is_first, there = self._write_record(task_id, fence, record, when("attribute_not_exists(pk)"))
        return None if is_first else _to_record(there)

    def record(self, task_id: str, key: str) -> Record | None:
        item = self._get(task_items.owned_key(task_id, key))
        return _to_record(item) if item else None

    def records(self, task_id: str) -> list[Record]:
        values = {"pk": task_items.owned_partition(task_id), "first": FIRST_RECORD}
        # a consistent read: a worker that missed a saved turn would pay for it again
        pages = self._pages("pk = :pk AND sk >= :first", values, ConsistentRead=True)
        return [_to_record(item) for page in pages for item in page]

    def steps(self, task_id: str, limit: int) -> list[tuple[str, Step]]:
        values = {"pk": task_items.owned_partition(task_id), "first": FIRST_RECORD}
        # eventually consistent, at half the price: only for timelines
        names = {"#step": "step"}
        pages = self._pages(
            "pk = :pk AND sk >= :first",
            values,
            ProjectionExpression="sk, #step",
            ExpressionAttributeNames=names,
            Limit=limit,
        )
        items = islice(chain.from_iterable(pages), limit)
        return [(item["sk"], task_values.to_step(item["step"])) for item in items if "step" in item]

    def _write_record(self, task_id: str, fence: int, record: Record, condition: ItemCondition) -> Write:
        payload, ttl = task_values.payload_value(record.payload), task_items.kept_until(task_id, self.kept_ms)
        step = None if record.step is None else task_values.step_value(record.step)
        values = {"fence": fence, "payload": payload, "step": step, "ttl": ttl}
        return self._put(task_items.owned_key(task_id, record.key) | values, condition)


@dataclass(frozen=True)
class DynamoDBSpend(Store):
    """``SpendStore``: several items per project and day, each in its own partition, to spread the writes."""

    def add_spend(self, project_id: str, day: str, usage: Usage, task_id: str = "") -> None:
        begins = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
        # no condition, so nothing is left out: a retry after a lost response may count twice, which errs on
        # the safe side of a budget
        more = ItemUpdate().add(costUsd=usage.cost_usd or Decimal(0), tokens=usage.tokens)
        key = _spend_key(project_id, day, shard(task_id) % SPEND_SHARDS)
        self._update(key, more.set(ttl=int(begins) + SPEND_KEPT_SECONDS))

    def spend(self, project_id: str, day: str) -> Usage:
        items = self._get_all([_spend_key(project_id, day, number) for number in range(SPEND_SHARDS)])
        return Usage(
            input_tokens=sum(int(item["tokens"]) for item in items),
            cost_usd=sum((item["costUsd"] for item in items), Decimal(0)),
        )


def _spend_key(project_id: str, day: str, number: int) -> Item:
    """The first one's key has no number."""
    return {"pk": f"SPEND#{project_id}" + (f"#{number}" if number else ""), "sk": day}


def _to_record(item: Item) -> Record:
    task_id = item["pk"].removeprefix(task_items.owned_partition(""))
    step = task_values.to_step(item["step"]) if "step" in item else None
    return Record(item["sk"], task_values.to_payload(task_id, item["payload"]), step)
