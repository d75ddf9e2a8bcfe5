"""Where a task's texts are stored: very small ones in its item, others in items of their own, large ones
as objects.

The task's item is written many times, and each write is billed by its whole size, so it holds only texts
about as small as a reference. A text in an item of its own is written once.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from a2a_tasks.domain.task import Payload, Task
from a2a_tasks.domain.text.packed import stored_bytes
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore, item_key

INLINE_BYTES = 200
"""Stored size up to which a message or output is inline. The item then stays below 1 KB (one write unit)
until the task ends, and the output costs no more than in an item of its own."""
ITEM_BYTES = 8 * 1024
"""Stored size up to which a text is an item. Above, one S3 PUT is cheaper than the write units
(docs/decisions.md)."""
DIGEST = 16
"""Hexadecimal digits of SHA-256 that name and verify a text in an item."""


def save(store: PayloadStore, task_id: str, name: str, document: Mapping[str, Any]) -> Payload:
    """Store a JSON document of a task. Returns once it is durable. Raises ``PayloadUnavailable``."""
    text = _text(document)
    encoded = text.encode()
    size = stored_bytes(encoded)
    if size <= INLINE_BYTES:
        return Payload(inline=text)
    if size > ITEM_BYTES:
        return _save_object(store, task_id, name, encoded)
    digest = hashlib.sha256(encoded).hexdigest()[:DIGEST]
    key = item_key(task_id, f"{name.upper()}#{digest}")
    store.put(key, encoded)
    return Payload(key=key, sha256=digest)


def save_in_item(store: PayloadStore, task_id: str, name: str, document: Mapping[str, Any]) -> Payload:
    """Like ``save``, for a document whose record is an item of its own that is written once, so more of it
    may be inline."""
    text = _text(document)
    encoded = text.encode()
    if stored_bytes(encoded) <= ITEM_BYTES:
        return Payload(inline=text)
    return _save_object(store, task_id, name, encoded)


def load(store: PayloadStore, payload: Payload) -> dict[str, Any]:
    """Read a stored document. Raises ``PayloadUnavailable``, and ``PayloadCorrupt`` if it differs from
    what was stored."""
    text = load_bytes(store, payload).decode() if payload.key else payload.inline
    document: dict[str, Any] = json.loads(text or "{}")
    return document


def save_bytes(store: PayloadStore, task_id: str, name: str, data: bytes, media_type: str) -> Payload:
    """Store a file of a task. Raises ``PayloadUnavailable``."""
    key = f"tasks/{task_id}/{name}"
    store.put(key, data, media_type)
    return Payload(key=key, sha256=hashlib.sha256(data).hexdigest())


def load_bytes(store: PayloadStore, payload: Payload) -> bytes:
    """Read a stored file. Raises ``PayloadUnavailable``, and ``PayloadCorrupt`` if it differs from what
    was stored."""
    # verified by its digest: a worker continues from it, and pays for what follows
    data = store.get(payload.key or "") if payload.inline is None else payload.inline.encode()
    if not payload.sha256 or not hashlib.sha256(data).hexdigest().startswith(payload.sha256):
        raise PayloadCorrupt(f"{payload.key} is not what was stored")
    return data


def with_inlined(store: PayloadStore, tasks: Sequence[Task]) -> list[Task]:
    """The tasks with those texts inlined that can be read in a batch. Raises ``PayloadUnavailable``."""
    texts = (text for task in tasks for text in (task.input, task.output) if text is not None)
    found = store.get_items([text.key for text in texts if text.key is not None and text.inline is None])

    def read(text: Payload) -> Payload:
        known = found.get(text.key or "")
        return text if known is None else replace(text, inline=known.decode())

    return [replace(t, input=read(t.input), output=t.output and read(t.output)) for t in tasks]


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _save_object(store: PayloadStore, task_id: str, name: str, encoded: bytes) -> Payload:
    key = f"tasks/{task_id}/{name}.json"
    store.put(key, encoded)
    return Payload(key=key, sha256=hashlib.sha256(encoded).hexdigest())
