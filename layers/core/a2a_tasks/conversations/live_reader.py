"""Reads a task's text while it is generated, each piece once."""

from dataclasses import dataclass, field

from a2a_tasks.domain.polling import TEXT_FLOWS_MS, WHILE_TEXT_FLOWS_SECONDS
from a2a_tasks.domain.task import Progress
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.live import LiveChunk, LiveStore
from a2a_tasks.tasks.live_text import LiveSnapshot, merge_chunks, snapshot


@dataclass(frozen=True)
class TextUpdate:
    """New text."""

    offset: int
    """Character position; replaces what was there before, if a turn was restarted."""
    text: str


@dataclass
class LiveReader:
    """One reader's position in a task's live text."""

    live: LiveStore
    task_id: str
    clock: Clock
    _chunks: list[LiveChunk] = field(default_factory=list)
    _snapshot: LiveSnapshot = field(default_factory=lambda: LiveSnapshot("", Progress()))
    _heard_at: int | None = None

    def read_new(self) -> tuple[TextUpdate | None, TextUpdate | None]:
        """Text and progress updates since the last time. Raises ``StoreUnavailable``."""
        known = self._chunks
        # the last chunk is read again, because a retried write may have extended it
        last = known[-1] if known else None
        self._chunks = merge_chunks(known, self.live.chunks(self.task_id, last))
        # nothing new, or the eventually consistent read is behind
        if self._chunks == known:
            return None, None
        before, self._snapshot = self._snapshot, snapshot(self._chunks)
        self._heard_at = self.clock.now()
        return _difference(before.text, self._snapshot.text), _difference(
            before.updates, self._snapshot.updates
        )

    def longest_pause(self) -> float:
        """Upper limit of the pause before the next read, in seconds."""
        is_flowing = self._heard_at is not None and self.clock.now() - self._heard_at <= TEXT_FLOWS_MS
        return WHILE_TEXT_FLOWS_SECONDS if is_flowing else float("inf")


def _difference(before: str, text: str) -> TextUpdate | None:
    if text == before:
        return None
    if text.startswith(before):
        return TextUpdate(len(before), text[len(before) :])
    shared = zip(before, text, strict=False)
    offset = next((n for n, (old, new) in enumerate(shared) if old != new), min(len(before), len(text)))
    return TextUpdate(offset, text[offset:])
