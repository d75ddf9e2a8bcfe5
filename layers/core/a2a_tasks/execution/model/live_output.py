"""Publishes the text of a turn while it is generated, for chats and streams."""

from dataclasses import dataclass

from a2a_tasks.domain.task import Progress
from a2a_tasks.execution.run import TaskRun
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.live import LiveChunk, LiveStore
from a2a_tasks.ports.telemetry import Telemetry

EVERY_SECONDS = 2.0
"""Between two chunks, however fast the text is generated, because each is a write."""
CHUNK_CHARACTERS = 1_000
"""Limit of text, and of updates, per write; faster output is slightly delayed."""
TTL_MS = 24 * 3_600_000
"""Time to live after the task's deadline."""


@dataclass(frozen=True)
class LivePublisher:
    """Writes at most one small chunk every two seconds, and only for tasks that a client watches. A failed
    write is retried with the next chunk and never stops the work."""

    store: LiveStore
    clock: Clock
    telemetry: Telemetry
    run: RunBlocking

    async def follow(self, work: TaskRun) -> None:
        """Publish once a client watches, until cancelled."""
        await work.held.watched.wait()
        published = _PublishedText(turn=len(work.transcript.turns) + 1)
        while True:
            await self.clock.sleep(EVERY_SECONDS)
            chunk = published.next_chunk(work)
            if chunk is None:
                continue
            try:
                until = work.task.deadline + TTL_MS
                await self.run(self.store.append, work.task.ref.task_id, chunk, until)
            except StoreUnavailable as error:
                # not recorded, so the next attempt writes the same chunk with the text added since. It
                # replaces the chunk if only the response was lost, which is why readers read their last chunk
                # again
                self.telemetry.problem("live text not written", work.task, reason=str(error))
            else:
                published.note(chunk)


@dataclass
class _PublishedText:
    """What has been published."""

    turn: int
    characters: int = 0
    update_characters: int = 0
    chunks: int = 0
    progress: Progress | None = None

    def next_chunk(self, work: TaskRun) -> LiveChunk | None:
        """What is new since the last chunk. The rest of a turn comes before the next turn."""
        text, updates = self._rest(work)
        # the next turn starts only when the previous one is published completely, or readers would miss its
        # end
        if not (text or updates) and self.turn <= len(work.transcript.turns):
            self.turn = len(work.transcript.turns) + 1
            self.characters, self.update_characters, self.chunks = 0, 0, 0
            text, updates = self._rest(work)
        progress = work.toolbox.progress
        if not (text or updates) and progress == self.progress:
            return None
        return LiveChunk(self.turn, work.task.fence, self.chunks, text, progress, updates)

    def note(self, chunk: LiveChunk) -> None:
        """Record that a chunk was written."""
        self.characters += len(chunk.text)
        self.update_characters += len(chunk.updates)
        self.chunks += 1
        self.progress = chunk.progress

    def _rest(self, work: TaskRun) -> tuple[str, str]:
        """Unpublished text and updates of the turn."""
        saved = work.transcript.turns
        text, updates = work.draft.text, work.draft.updates
        if self.turn <= len(saved):
            turn = saved[self.turn - 1]
            text, updates = turn.text, work.updates_in(turn.content)
        return (
            text[self.characters :][:CHUNK_CHARACTERS],
            updates[self.update_characters :][:CHUNK_CHARACTERS],
        )
