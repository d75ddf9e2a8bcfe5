"""Payloads in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from a2a_tasks.ports.payloads import JSON, PayloadCorrupt, is_item, item_key, item_of

PREFIX = "tasks/"


@dataclass
class MemoryPayloads:
    """``PayloadStore``, ``ArtifactLinks`` and ``PayloadCleaner``; ``objects`` are bytes by key."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, data: bytes, media_type: str = JSON) -> None:  # noqa: ARG002  not kept
        self.objects[key] = data

    def link(self, key: str, name: str) -> str:
        return f"https://payloads.example/{key}?name={quote(name)}"

    def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise PayloadCorrupt(f"{key} is gone")
        return self.objects[key]

    def get_items(self, keys: Iterable[str]) -> dict[str, bytes]:
        return {key: self.objects[key] for key in keys if is_item(key) and key in self.objects}

    def delete_all(self, task_id: str) -> int:
        """Also deletes the texts, which in DynamoDB are deleted with their task."""
        owned = [key for key in self.objects if key.startswith(f"{PREFIX}{task_id}/")]
        for key in [*owned, *(key for key in self.objects if key.startswith(item_key(task_id, "")))]:
            del self.objects[key]
        return len(owned)

    def task_ids(self, after: str, before: str, limit: int) -> list[str]:
        objects = (key for key in self.objects if not is_item(key))
        ids = {key.removeprefix(PREFIX).partition("/")[0] for key in objects}
        return [found for found in sorted(ids) if after < found < before][:limit]

    def pass_ttl(self, before: str) -> None:
        """Delete the texts of tasks older than ``before``, as the table's TTL does."""
        for key in [key for key in self.objects if is_item(key) and item_of(key)[0] < before]:
            del self.objects[key]
