"""Identifiers: time-ordered task ids, and the shard that an id falls into."""

import re
import uuid
import zlib

AGENT_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
"""1–64 lower-case letters, digits, ``-`` and ``_``, beginning and ending with a letter or digit."""
PROJECT_ID = AGENT_ID
CONTEXT_ID = re.compile(r"[A-Za-z0-9._~:@-]{1,128}")
"""What a caller may name a conversation: safe in paths, keys and logs."""

SHARDS = 32
"""Partitions of the index ``due``. A constant: with fewer shards, tasks of the missing ones would never be
looked at again. One partition takes 1,000 writes a second, and one process sweeps one of them in a minute."""


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
    """The Unix milliseconds that a UUIDv7 carries."""
    return uuid.UUID(task_id).int >> 80


def oldest_task_id(now_ms: int) -> str:
    """The lowest UUIDv7 of a moment: every id made earlier sorts before it."""
    return task_id(now_ms, bytes(10))


def shard(task_id: str) -> int:
    """The index partition of a task, 0 to ``SHARDS - 1``: stable over processes and releases."""
    return zlib.crc32(task_id.encode()) % SHARDS


def fraction(task_id: str) -> float:
    """A number of the task's own in [0, 1), the same in every process: it spreads what would come at once."""
    return zlib.crc32(task_id.encode()) / 2**32
