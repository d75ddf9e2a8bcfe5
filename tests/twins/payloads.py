"""Payloads in memory."""

from dataclasses import dataclass, field
from urllib.parse import quote

from a2a_tasks.ports.payloads import JSON, PayloadCorrupt

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

    def delete_all(self, task_id: str) -> int:
        owned = [key for key in self.objects if key.startswith(f"{PREFIX}{task_id}/")]
        for key in owned:
            del self.objects[key]
        return len(owned)

    def task_ids_before(self, task_id: str, limit: int) -> list[str]:
        ids = {key.removeprefix(PREFIX).partition("/")[0] for key in self.objects}
        return [found for found in sorted(ids)[:limit] if found < task_id]
