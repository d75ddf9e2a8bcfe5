"""Live text of running tasks, in memory."""

from a2a_tasks.ports.live import LiveChunk


class MemoryLive:
    """``LiveStore``. ``appended`` are all writes in order, including repeated ones; ``read`` counts the
    chunks returned by reads."""

    def __init__(self) -> None:
        self.by_task: dict[str, dict[tuple[int, int, int], LiveChunk]] = {}
        self.appended: list[LiveChunk] = []
        self.read = 0

    def append(self, task_id: str, chunk: LiveChunk, until: int) -> None:  # noqa: ARG002
        self.appended.append(chunk)
        self.by_task.setdefault(task_id, {})[chunk.turn, chunk.fence, chunk.number] = chunk

    def chunks(self, task_id: str, since: LiveChunk | None = None) -> list[LiveChunk]:
        first = (since.turn, since.fence, since.number) if since else (0, 0, 0)
        found = [chunk for place, chunk in sorted(self.by_task.get(task_id, {}).items()) if place >= first]
        self.read += len(found)
        return found
