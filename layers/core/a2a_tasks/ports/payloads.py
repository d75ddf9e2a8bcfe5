"""Large texts and files of a task, outside its record."""

from collections.abc import Iterable, Mapping
from typing import Protocol


class PayloadCorrupt(Exception):
    """A payload is gone or is not the text that was stored."""


JSON = "application/json; charset=utf-8"
LINK_SECONDS = 3600
"""So long an address that was handed out works, or less: it ends with the function's own credentials."""


_ITEMS = "items/"


def item_key(task_id: str, name: str) -> str:
    """The key of a text that is kept beside its task's record: the store need not be asked for each alone."""
    return f"{_ITEMS}{task_id}/{name}"


def is_item(key: str) -> bool:
    return key.startswith(_ITEMS)


def item_of(key: str) -> tuple[str, str]:
    """The task id and the name of such a key."""
    task_id, _, name = key.removeprefix(_ITEMS).partition("/")
    return task_id, name


class PayloadStore(Protocol):
    """Keys are ``tasks/<task id>/<name>`` for objects, and ``item_key`` for texts of some kilobytes at most.
    All methods raise ``PayloadUnavailable``."""

    def put(self, key: str, data: bytes, media_type: str = JSON) -> None: ...

    def get(self, key: str) -> bytes:
        """Raises ``PayloadCorrupt`` if there is none."""
        ...

    def get_items(self, keys: Iterable[str]) -> Mapping[str, bytes]:
        """Those among the keys that could be read together; the others are for ``get``."""
        ...


class ArtifactLinks(Protocol):
    """A separate port: only what answers callers may hand out addresses."""

    def link(self, key: str, name: str) -> str:
        """An address that gives the object for a while, to be saved under ``name``; nothing is called."""
        ...


class PayloadCleaner(Protocol):
    """What cleanup needs; a separate port, since nothing else may delete."""

    def delete_all(self, task_id: str) -> int:
        """Delete every payload of a task; how many there were."""
        ...

    def task_ids(self, after: str, before: str, limit: int) -> list[str]:
        """Ids of up to ``limit`` tasks that own payloads and are older than ``before`` and younger than
        ``after`` (ids sort by time), the oldest first."""
        ...
