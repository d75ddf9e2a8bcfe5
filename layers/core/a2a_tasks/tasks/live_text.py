"""The text of a task so far, assembled from its live chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from a2a_tasks.domain.task import Progress
from a2a_tasks.ports.live import LiveChunk


@dataclass(frozen=True)
class LiveSnapshot:
    """What a task has generated so far."""

    text: str
    progress: Progress
    """What it is doing."""
    updates: str = ""
    """Progress updates of the model."""


def snapshot(chunks: Sequence[LiveChunk]) -> LiveSnapshot:
    """The text of each turn as of its last claim, separated by empty lines."""
    turns = [_last_try(list(turn)) for _, turn in groupby(chunks, key=lambda chunk: chunk.turn)]
    texts = ["".join(chunk.text for chunk in turn) for turn in turns]
    updates = ["".join(chunk.updates for chunk in turn) for turn in turns]
    progress = turns[-1][-1].progress if turns else Progress()
    return LiveSnapshot("\n\n".join(filter(None, texts)), progress, "\n\n".join(filter(None, updates)))


def merge_chunks(known: Sequence[LiveChunk], later: Sequence[LiveChunk]) -> list[LiveChunk]:
    """All chunks, where ``later`` are those from the last known one on: that one may have grown since."""
    return [*known[:-1], *later] if later else list(known)


def _last_try(turn: list[LiveChunk]) -> list[LiveChunk]:
    fence = max(chunk.fence for chunk in turn)
    return [chunk for chunk in turn if chunk.fence == fence]
