"""Payloads in memory."""

from dataclasses import dataclass, field

from a2a_tasks.ports.payloads import PayloadCorrupt

PREFIX = "tasks/"


@dataclass
class MemoryPayloads:
    """``PayloadStore`` and ``PayloadCleaner``; ``objects`` are texts by key."""

    objects: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, text: str) -> None:
        self.objects[key] = text

    def get(self, key: str) -> str:
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
