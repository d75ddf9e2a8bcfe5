"""Large texts and files of a task, stored outside its item."""

from collections.abc import Iterable, Mapping
from typing import Protocol


class PayloadCorrupt(Exception):
    """A payload is missing, or differs from what was stored."""


JSON = "application/json; charset=utf-8"
LINK_SECONDS = 3600
"""Seconds for which a presigned address is valid at most; it also ends with the function's own
credentials."""


_ITEMS = "items/"


def item_key(task_id: str, name: str) -> str:
    """Key of a text that is stored as an item beside the task's own, so that several can be read with one
    query."""
    return f"{_ITEMS}{task_id}/{name}"


def is_item(key: str) -> bool:
    """Whether ``key`` was made by ``item_key``."""
    return key.startswith(_ITEMS)


def item_of(key: str) -> tuple[str, str]:
    """The task id and name that ``item_key`` was called with."""
    task_id, _, name = key.removeprefix(_ITEMS).partition("/")
    return task_id, name


class PayloadStore(Protocol):
    """Stores payloads. Keys are ``tasks/<task id>/<name>`` for objects, and ``item_key`` for texts of a few
    kilobytes. All methods raise ``PayloadUnavailable``."""

    def put(self, key: str, data: bytes, media_type: str = JSON) -> None:
        """Store a payload, replacing one under the same key."""
        ...

    def get(self, key: str) -> bytes:
        """Read one payload. Raises ``PayloadCorrupt`` if there is none."""
        ...

    def get_items(self, keys: Iterable[str]) -> Mapping[str, bytes]:
        """Those of the payloads that can be read in a batch, by key. The rest are left to ``get``."""
        ...


class ArtifactLinks(Protocol):
    """Presigned addresses. A separate port: only functions that serve callers may hand them out."""

    def link(self, key: str, name: str) -> str:
        """An address to download an object as file ``name``. Computed locally, without a call."""
        ...


class PayloadCleaner(Protocol):
    """Deletion of payloads. A separate port, because only clean-up may delete. Both methods raise
    ``PayloadUnavailable``."""

    def delete_all(self, task_id: str) -> int:
        """Delete all payloads of a task. Returns how many there were."""
        ...

    def task_ids(self, after: str, before: str, limit: int) -> list[str]:
        """Ids of up to ``limit`` tasks that own payloads, oldest first, between ``after`` and ``before``
        (task ids sort by creation time; both exclusive)."""
        ...
