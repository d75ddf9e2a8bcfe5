"""Identifiers: time-ordered task ids, and the shard that an id falls into."""

import re
import uuid
import zlib
from dataclasses import dataclass

AGENT_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
"""1–64 lower-case letters, digits, ``-`` and ``_``, beginning and ending with a letter or digit."""
PROJECT_ID = AGENT_ID
CONTEXT_ID = re.compile(r"[A-Za-z0-9._~:@-]{1,128}")
"""Context ids that callers may choose: safe in paths, keys and logs."""

SHARDS = 32
"""Number of partitions of the index ``due``. Must never shrink: tasks in the removed shards would never be
swept again. A partition takes 1,000 writes a second, and one process sweeps a full one in a minute."""


def task_id(now_ms: int, random: bytes) -> str:
    """A UUIDv7 (RFC 9562 §5.7) from Unix milliseconds and ten random bytes: sorts by creation time."""
    entropy = int.from_bytes(random[:10])
    value = (now_ms & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (entropy >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | entropy & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def is_task_id(text: str) -> bool:
    """Whether ``text`` is the canonical (lower-case, hyphenated) form of a UUID."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def created_ms(task_id: str) -> int:
    """Creation time in a UUIDv7 (Unix milliseconds)."""
    return uuid.UUID(task_id).int >> 80


def oldest_task_id(now_ms: int) -> str:
    """The smallest UUIDv7 of a moment; ids created earlier sort before it."""
    return task_id(now_ms, bytes(10))


def preceding(task_id: str) -> str:
    """The id right before another one."""
    return str(uuid.UUID(int=max(0, uuid.UUID(task_id).int - 1)))


def following(task_id: str) -> str:
    """The id right after another one."""
    return str(uuid.UUID(int=uuid.UUID(task_id).int + 1))


FIRST, LAST = str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1))
"""No id sorts before the first or after the last."""


@dataclass(frozen=True)
class IdRange:
    """All ids from the first to the last, both included."""

    first: str = FIRST
    last: str = LAST

    @property
    def is_empty(self) -> bool:
        """Whether no id is in it."""
        return self.first > self.last


def shard(task_id: str) -> int:
    """The partition of a task, 0 to ``SHARDS - 1``. Stable across processes and releases."""
    # not ``hash``, whose results differ between processes
    return zlib.crc32(task_id.encode()) % SHARDS


def fraction(task_id: str) -> float:
    """A hash of the id in [0, 1), the same in every process; spreads work that would otherwise coincide."""
    return zlib.crc32(task_id.encode()) / 2**32
