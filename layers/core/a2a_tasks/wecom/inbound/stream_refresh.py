"""Responses to WeCom's stream refreshes, about one a second, which do not depend on other processes.

While an exchange has no end, a refresh without new text also reads the task's record, so that the end is
shown even if the notifier, the queue or the sender is delayed or down. Reads are eventually consistent,
because all writes that follow from them are conditional.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.live_text import merge_chunks, snapshot
from a2a_tasks.wecom.cards import last_card, stop_card
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.exchange import (
    DeliveryClaim,
    DeliveryMeans,
    Exchange,
    ExchangeRef,
    ExchangeState,
    RefreshResponse,
    find,
    refresh_response,
)
from a2a_tasks.wecom.exchange_end import record_end
from a2a_tasks.wecom.phrases import Phrase, progress_line, say
from a2a_tasks.wecom.ports import ExchangeStore
from a2a_tasks.wecom.protocol.bot_replies import CONTENT_BYTES, stream_frame
from a2a_tasks.wecom.protocol.cards import Card
from a2a_tasks.wecom.protocol.links import unlinked
from a2a_tasks.wecom.protocol.text import folded, unlinked_end
from a2a_tasks.wecom.result_texts import ResultTexts, noted

RECENT_MS = 2_000
"""Lifetime of a cached response. WeCom refreshes about once a second, so every second refresh is answered
from memory."""
MOST_RECENT = 200
"""Streams whose text a process caches: at most 300 KB each, and mostly below 10."""
BY_STREAM = "stream"
"""Claim id of all refreshes, which return the same answer."""


@dataclass(frozen=True)
class _CachedFrame:
    """The cached state of a stream in progress."""

    made_at: int
    """Unix milliseconds."""
    chunks: list[LiveChunk]
    frame: dict[str, Any]


@dataclass(frozen=True)
class StreamRefreshHandler:
    """Answers WeCom's refreshes of a stream."""

    store: TaskStore
    exchanges: ExchangeStore
    finalizer: TaskFinalizer
    texts: ResultTexts
    clock: Clock
    telemetry: Telemetry
    _recent: dict[tuple[str, str], _CachedFrame] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By connection and stream, in order of creation."""

    def frame(self, connection: Connection, stream_id: str) -> dict[str, Any]:
        """The stream's current frame, which may be up to ``RECENT_MS`` old. Raises ``StoreUnavailable`` and
        ``PayloadUnavailable``."""
        key, now = (connection.connection_id, stream_id), self.clock.now()
        recent = self._recent.get(key)
        if recent is not None and 0 <= now - recent.made_at < RECENT_MS:
            return recent.frame
        frame, chunks = self._current(connection, stream_id, recent)
        self._recent.pop(key, None)
        # an end is never cached, because the refresh that returns it must own the delivery
        if not frame["stream"]["finish"]:
            if len(self._recent) >= MOST_RECENT:
                # the oldest entry
                del self._recent[next(iter(self._recent))]
            self._recent[key] = _CachedFrame(now, chunks, frame)
        return frame

    def _current(
        self, connection: Connection, stream_id: str, recent: _CachedFrame | None
    ) -> tuple[dict[str, Any], list[LiveChunk]]:
        """The frame, and the task's text so far."""
        known = recent.chunks if recent else []
        ref = ExchangeRef.of_stream(stream_id)
        if ref is None:
            return _expired_frame(connection, stream_id), known
        # from the last known chunk on, which may have grown; eventually consistent, because all writes that
        # follow are conditional
        watched = self.exchanges.watch(ref.task_id, known[-1] if known else None)
        chunks = merge_chunks(known, watched.chunks)
        # a new exchange may be missing from the eventually consistent read
        exchange = find(watched.exchanges, ref) or self.exchanges.get(ref)
        if exchange is None or exchange.connection_id != connection.connection_id:
            return _expired_frame(connection, stream_id), chunks
        is_speaking = recent is not None and chunks != known
        return self._frame(exchange, chunks, is_speaking), chunks

    def _frame(self, exchange: Exchange, chunks: list[LiveChunk], is_speaking: bool) -> dict[str, Any]:
        task = None
        # the record is not read while new text arrives; an end is noticed at the first refresh without any
        if exchange.state is ExchangeState.OPEN and exchange.end is None and not is_speaking:
            exchange, task = self._updated_from_task(exchange)
        match refresh_response(exchange, self.clock.now()):
            case RefreshResponse.GO_ON:
                return frame_of(exchange, _so_far(exchange, task, chunks), finish=False)
            case RefreshResponse.CLOSE:
                return self._closed(exchange)
            case RefreshResponse.DELIVER:
                return self._delivered(exchange)
            case RefreshResponse.REPEAT:
                return self._last_frame(exchange)
            case RefreshResponse.ELSEWHERE:
                return _elsewhere(exchange)

    def _updated_from_task(self, exchange: Exchange) -> tuple[Exchange, Task | None]:
        """The exchange updated from its task, and the task; a task past its deadline is failed first."""
        found = self.store.get_eventually_consistent(exchange.task)
        if found is None:
            return exchange, None  # the exchange is stored before its task is created
        task = self.finalizer.expire_if_overdue(found)
        # recorded before it is delivered. Because of a crash in between, the notifier also queues exchanges
        # with an end
        return record_end(self.exchanges, exchange, task), task

    def _closed(self, exchange: Exchange) -> dict[str, Any]:
        # refused if a sender has claimed it: the stream then says that the answer is delivered by other means
        current = self.exchanges.close(exchange.ref) or exchange
        if current.state is ExchangeState.CLOSED:
            self.telemetry.count("WecomStreamsClosed")
        return _elsewhere(current)

    def _delivered(self, exchange: Exchange) -> dict[str, Any]:
        # read before the claim: if it cannot be read, the next refresh tries again
        last = self._last_frame(exchange)
        claim = DeliveryClaim(DeliveryMeans.STREAM, BY_STREAM, self.clock.now())
        current = self.exchanges.claim(exchange.ref, claim) or exchange
        # a sender was faster, and the answer must not be delivered twice
        if current.claim is None or current.claim.means is not DeliveryMeans.STREAM:
            return _elsewhere(current)
        # this refresh made the claim; later ones repeat the same end
        if current.claim == claim:
            self.telemetry.count("WecomDelivered", code="STREAM")
        return last

    def _last_frame(self, exchange: Exchange) -> dict[str, Any]:
        text, images = self.texts.with_images(exchange)
        return frame_of(exchange, text, finish=True, images=images, card=last_card(exchange))


def frame_of(
    exchange: Exchange, content: str, finish: bool, images: Sequence[bytes] = (), card: Card | None = None
) -> dict[str, Any]:
    """A frame of an exchange's stream; feedback refers to the stream's id."""
    stream_id = exchange.ref.stream_id
    return stream_frame(stream_id, content, finish, feedback_id=stream_id, images=images, card=card)


def _expired_frame(connection: Connection, stream_id: str) -> dict[str, Any]:
    return stream_frame(stream_id, say(connection.language, Phrase.GONE), finish=True)


def _so_far(exchange: Exchange, task: Task | None, chunks: Sequence[LiveChunk]) -> str:
    """The end of the text since the exchange began, and the current activity."""
    new = [chunk for chunk in chunks if chunk.turn > exchange.from_turn]
    if not new:
        return noted(exchange, say(exchange.language, _stage(task)))
    seen = snapshot(new)
    doing = unlinked(progress_line(exchange.language, seen.progress))
    thinking = folded(seen.updates)
    if not seen.text:
        return thinking + noted(exchange, doing)
    room = CONTENT_BYTES - len(thinking.encode()) - len(noted(exchange, doing).encode()) - 2
    return thinking + noted(exchange, f"{unlinked_end(seen.text, room)}\n\n{doing}")


def _stage(task: Task | None) -> Phrase:
    """Status text of a task without output."""
    if task is None:
        return Phrase.RECEIVED
    # a task that waits for tasks it has started counts as working
    is_in_line = task.status is not Status.RUNNING and not task.awaits
    return Phrase.WAITING if is_in_line else Phrase.BEGUN


def _elsewhere(exchange: Exchange) -> dict[str, Any]:
    goes_on = exchange.state in (ExchangeState.CLOSED, ExchangeState.CLAIMED) and exchange.end is None
    sentence = say(exchange.language, Phrase.FOLLOWS if goes_on else Phrase.ELSEWHERE)
    return frame_of(exchange, sentence, finish=True, card=stop_card(exchange) if goes_on else None)
