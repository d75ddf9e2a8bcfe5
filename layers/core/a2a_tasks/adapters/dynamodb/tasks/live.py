"""Live chunks in the tasks table: one partition per task, one small item per chunk, deleted by TTL."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks.task_values import progress_value, to_progress
from a2a_tasks.ports.live import LiveChunk

CHUNK_PREFIX = "CHUNK#"
LAST_CHUNK = f"{CHUNK_PREFIX}~"
"""Behind the keys of all chunks, whose digits come before it."""


def live_partition(task_id: str) -> str:
    """Partition of a task's chunks."""
    return f"LIVE#{task_id}"


@dataclass(frozen=True)
class DynamoDBLive(Store):
    """``LiveStore``."""

    def append(self, task_id: str, chunk: LiveChunk, until: int) -> None:
        # no condition: only one worker writes a chunk under its fence, and rewrites it only with more text. A
        # stale worker's chunks have a lower fence and are not shown.
        item = {
            "pk": live_partition(task_id),
            "sk": chunk_key(chunk),
            "text": chunk.text,
            "progress": progress_value(chunk.progress),
            "updates": chunk.updates or None,
            "ttl": until // 1000,
        }
        self._put(item)

    def chunks(self, task_id: str, since: LiveChunk | None = None) -> list[LiveChunk]:
        values = {"pk": live_partition(task_id), "first": chunk_key(since), "last": LAST_CHUNK}
        # eventually consistent, at half the price: readers read again within seconds
        pages = self._pages("pk = :pk AND sk BETWEEN :first AND :last", values)
        return [to_chunk(item) for page in pages for item in page]


def chunk_key(chunk: LiveChunk | None) -> str:
    """A chunk's sort key; without one, what is before all of them."""
    if chunk is None:
        return CHUNK_PREFIX
    return f"{CHUNK_PREFIX}{chunk.turn:04d}#{chunk.fence:06d}#{chunk.number:06d}"


def is_chunk(item: Item) -> bool:
    """Whether it is a chunk: exchanges of chats are in the same partition."""
    return bool(item["sk"].startswith(CHUNK_PREFIX))


def to_chunk(item: Item) -> LiveChunk:
    """A stored chunk."""
    turn, fence, number = (int(part) for part in item["sk"].removeprefix(CHUNK_PREFIX).split("#"))
    progress, updates = to_progress(item["progress"]), item.get("updates", "")
    return LiveChunk(turn, fence, number, item["text"], progress, updates)
