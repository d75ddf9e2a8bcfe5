"""What WeCom shows of a task: asked for about once a second, and true whoever else is behind.

As long as an exchange has no end, a refresh that finds no new text reads the task's own record too: an end is
shown, also where the notifier, the queue or the sender are behind or do not run at all. Reads may be a moment
old, since each write that follows from one has a condition.
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
from a2a_tasks.tasks.live_text import snapshot, with_later
from a2a_tasks.wecom.cards import last_card, stop_card
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.exchange import Claim, Exchange, ExchangeRef, Means, State, Step, find, step_of
from a2a_tasks.wecom.exchange_end import ended
from a2a_tasks.wecom.phrases import Phrase, progress_line, say
from a2a_tasks.wecom.ports import ExchangeStore
from a2a_tasks.wecom.protocol.bot_replies import CONTENT_BYTES, stream_frame
from a2a_tasks.wecom.protocol.cards import Card
from a2a_tasks.wecom.protocol.links import unlinked
from a2a_tasks.wecom.protocol.text import folded, unlinked_end
from a2a_tasks.wecom.result_texts import ResultTexts, noted

RECENT_MS = 2_000
"""WeCom asks about once a second: every other refresh is answered from memory."""
MOST_RECENT = 200
"""Streams that a process keeps the text of, which is some 300 KB at most, and mostly below 10."""
BY_STREAM = "stream"
"""The claim of all refreshes together: each of them says the same."""


@dataclass(frozen=True)
class _Recent:
    """What a process has made of a stream that goes on."""

    made_at: int
    """Unix milliseconds."""
    chunks: list[LiveChunk]
    frame: dict[str, Any]


@dataclass(frozen=True)
class Refreshes:
    """Answers WeCom's refreshes of a stream."""

    store: TaskStore
    exchanges: ExchangeStore
    finalizer: TaskFinalizer
    texts: ResultTexts
    clock: Clock
    telemetry: Telemetry
    _recent: dict[tuple[str, str], _Recent] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By connection and stream; what was made last is last."""

    def frame(self, connection: Connection, stream_id: str) -> dict[str, Any]:
        """The whole stream as it is now, or was less than ``RECENT_MS`` ago. Raises ``StoreUnavailable`` and
        ``PayloadUnavailable``."""
        key, now = (connection.connection_id, stream_id), self.clock.now()
        recent = self._recent.get(key)
        if recent is not None and 0 <= now - recent.made_at < RECENT_MS:
            return recent.frame
        frame, chunks = self._current(connection, stream_id, recent)
        self._recent.pop(key, None)
        # an end is never said from memory: the refresh that says it must have the delivery
        if not frame["stream"]["finish"]:
            if len(self._recent) >= MOST_RECENT:
                # the one that was made longest ago
                del self._recent[next(iter(self._recent))]
            self._recent[key] = _Recent(now, chunks, frame)
        return frame

    def _current(
        self, connection: Connection, stream_id: str, recent: _Recent | None
    ) -> tuple[dict[str, Any], list[LiveChunk]]:
        """The frame, and what the task has said so far."""
        known = recent.chunks if recent else []
        ref = ExchangeRef.of_stream(stream_id)
        if ref is None:
            return _gone(connection, stream_id), known
        # from the last piece known, which may have grown; eventual, since what follows from it is conditional
        watched = self.exchanges.watch(ref.task_id, known[-1] if known else None)
        chunks = with_later(known, watched.chunks)
        # one that was made just now may not be among them yet
        exchange = find(watched.exchanges, ref) or self.exchanges.get(ref)
        if exchange is None or exchange.connection_id != connection.connection_id:
            return _gone(connection, stream_id), chunks
        is_speaking = recent is not None and chunks != known
        return self._frame(exchange, chunks, is_speaking), chunks

    def _frame(self, exchange: Exchange, chunks: list[LiveChunk], is_speaking: bool) -> dict[str, Any]:
        task = None
        # while new text comes its record is not read: an end shows at the first refresh without any
        if exchange.state is State.OPEN and exchange.end is None and not is_speaking:
            exchange, task = self._looked_up(exchange)
        match step_of(exchange, self.clock.now()):
            case Step.GO_ON:
                return frame_of(exchange, _so_far(exchange, task, chunks), finish=False)
            case Step.CLOSE:
                return self._closed(exchange)
            case Step.DELIVER:
                return self._delivered(exchange)
            case Step.REPEAT:
                return self._last_frame(exchange)
            case Step.ELSEWHERE:
                return _elsewhere(exchange)

    def _looked_up(self, exchange: Exchange) -> tuple[Exchange, Task | None]:
        """The exchange as its task's record says, and the task; one past its deadline is settled first."""
        found = self.store.look(exchange.task)
        if found is None:
            return exchange, None  # the message is kept before its task is made
        task = self.finalizer.expire_if_overdue(found)
        # written down before it is delivered. A crash in between is why the notifier also queues what has an
        # end
        return ended(self.exchanges, exchange, task), task

    def _closed(self, exchange: Exchange) -> dict[str, Any]:
        # refused if a sender has it by now: then it says that the answer comes, or came, by another way
        current = self.exchanges.close(exchange.ref) or exchange
        if current.state is State.CLOSED:
            self.telemetry.count("WecomStreamsClosed")
        return _elsewhere(current)

    def _delivered(self, exchange: Exchange) -> dict[str, Any]:
        # read first: what cannot be read is not taken on, and the next refresh tries again
        last = self._last_frame(exchange)
        claim = Claim(Means.STREAM, BY_STREAM, self.clock.now())
        current = self.exchanges.claim(exchange.ref, claim) or exchange
        # a sender was faster: two must not tell it
        if current.claim is None or current.claim.means is not Means.STREAM:
            return _elsewhere(current)
        # this very refresh has taken it; a later one repeats the same end
        if current.claim == claim:
            self.telemetry.count("WecomDelivered", code="STREAM")
        return last

    def _last_frame(self, exchange: Exchange) -> dict[str, Any]:
        text, images = self.texts.with_images(exchange)
        return frame_of(exchange, text, finish=True, images=images, card=last_card(exchange))


def frame_of(
    exchange: Exchange, content: str, finish: bool, images: Sequence[bytes] = (), card: Card | None = None
) -> dict[str, Any]:
    """A frame of an exchange's stream; opinions of it come back under the stream's id."""
    stream_id = exchange.ref.stream_id
    return stream_frame(stream_id, content, finish, feedback_id=stream_id, images=images, card=card)


def _gone(connection: Connection, stream_id: str) -> dict[str, Any]:
    return stream_frame(stream_id, say(connection.language, Phrase.GONE), finish=True)


def _so_far(exchange: Exchange, task: Task | None, chunks: Sequence[LiveChunk]) -> str:
    """The newest of what was said since the exchange began, and what is being done."""
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
    """What there is to say of a task that has said nothing yet."""
    if task is None:
        return Phrase.RECEIVED
    # one that waits for tasks that it has started is at work too
    is_in_line = task.status is not Status.RUNNING and not task.awaits
    return Phrase.WAITING if is_in_line else Phrase.BEGUN


def _elsewhere(exchange: Exchange) -> dict[str, Any]:
    goes_on = exchange.state in (State.CLOSED, State.CLAIMED) and exchange.end is None
    sentence = say(exchange.language, Phrase.FOLLOWS if goes_on else Phrase.ELSEWHERE)
    return frame_of(exchange, sentence, finish=True, card=stop_card(exchange) if goes_on else None)
