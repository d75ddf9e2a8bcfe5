"""What tasks say while they are at it, in memory."""

from a2a_tasks.ports.live import LiveChunk


class MemoryLive:
    """``LiveStore``. ``appended`` are all writes in order, repeated ones too."""

    def __init__(self) -> None:
        self.by_task: dict[str, dict[tuple[int, int, int], LiveChunk]] = {}
        self.appended: list[LiveChunk] = []

    def append(self, task_id: str, chunk: LiveChunk, until: int) -> None:  # noqa: ARG002
        self.appended.append(chunk)
        self.by_task.setdefault(task_id, {})[chunk.turn, chunk.fence, chunk.number] = chunk

    def chunks(self, task_id: str) -> list[LiveChunk]:
        return [chunk for _, chunk in sorted(self.by_task.get(task_id, {}).items())]
