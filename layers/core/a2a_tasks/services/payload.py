"""Where a task's texts are kept: small ones in the record, large ones in the payload store."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from a2a_tasks.domain.task import Payload
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore

INLINE_BYTES = 8 * 1024
"""DynamoDB bills every write by the whole item, and a task's record is written at least three times; from
about this size on, one S3 put is cheaper than carrying the text along (docs/decisions.md)."""


def save(store: PayloadStore, task_id: str, name: str, document: Mapping[str, Any]) -> Payload:
    """Keep a JSON document for a task; large ones are stored before this returns.

    Raises ``PayloadUnavailable``.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    encoded = text.encode()
    if len(encoded) <= INLINE_BYTES:
        return Payload(inline=text)
    key = f"tasks/{task_id}/{name}.json"
    store.put(key, encoded)
    return Payload(key=key, sha256=hashlib.sha256(encoded).hexdigest())


def load(store: PayloadStore, payload: Payload) -> dict[str, Any]:
    """The document again. Raises ``PayloadUnavailable``, ``PayloadCorrupt`` if it is not what was saved."""
    text = load_bytes(store, payload).decode() if payload.key else payload.inline or "{}"
    document: dict[str, Any] = json.loads(text)
    return document


def save_bytes(store: PayloadStore, task_id: str, name: str, data: bytes, media_type: str) -> Payload:
    """Keep a file of a task. Raises ``PayloadUnavailable``."""
    key = f"tasks/{task_id}/{name}"
    store.put(key, data, media_type)
    return Payload(key=key, sha256=hashlib.sha256(data).hexdigest())


def load_bytes(store: PayloadStore, payload: Payload) -> bytes:
    """The file again. Raises ``PayloadUnavailable``, ``PayloadCorrupt`` if it is not what was saved."""
    data = store.get(payload.key or "")
    if hashlib.sha256(data).hexdigest() != payload.sha256:
        raise PayloadCorrupt(f"{payload.key} is not what was stored")
    return data
