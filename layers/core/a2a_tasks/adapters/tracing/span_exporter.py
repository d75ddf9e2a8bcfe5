"""Sends spans on a thread of its own, so that no collector holds anything up."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.adapters.tracing.otlp_endpoint import NotSent
from a2a_tasks.domain.tracing.span import Span

BATCH = 200
"""Spans in one request: some 100 KB. X-Ray takes 10,000 and 5 MB."""
MOST_WAITING = 2_000
"""Spans kept while the endpoint takes none; further ones are dropped. Some 4 MB."""
EVERY_SECONDS = 5.0
"""How often spans are sent while an invocation lasts."""
PAUSE_SECONDS = 1.0, 60.0
"""Pause after a failure, first and longest; it doubles each time."""
SPAN_OF_TIME_MS = 23 * 3_600_000
"""X-Ray refuses requests whose spans are more than a day apart."""


class Endpoint(Protocol):
    """Where spans go."""

    def send(self, spans: Sequence[Span]) -> int:
        """Send spans. Returns how many were rejected. Raises ``NotSent``."""
        ...


@dataclass(frozen=True)
class Losses:
    """What became of spans since the last report."""

    dropped: int
    problem: str | None
    """Why spans could not be sent."""


class SpanExporter:
    """Spans of one process, in batches. Thread-safe.

    After a failure nothing is sent, and nobody waits, until a pause is over. ``ticks`` returns seconds of a
    monotonic clock.
    """

    def __init__(self, endpoint: Endpoint, ticks: Callable[[], float] = time.monotonic) -> None:
        self._endpoint = endpoint
        self._ticks = ticks
        self._changed = threading.Condition()
        self._waiting: deque[Span] = deque()
        self._is_sending = False
        self._is_asked = False
        self._has_thread = False
        self._is_closed = False
        self._pause = 0.0
        self._rests_until = 0.0
        self._dropped = 0
        self._problem: str | None = None

    def add(self, span: Span) -> None:
        """Take a span, to be sent soon. Never blocks."""
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                # the newest spans are dropped instead of blocking: tracing must not delay tasks
                self._dropped += 1
                return
            self._waiting.append(span)
            if not self._has_thread:
                self._has_thread = True
                # started with the first span, because most processes record none; a daemon thread, which does
                # not keep the process alive
                threading.Thread(target=self._run, name="spans", daemon=True).start()
            if len(self._waiting) >= BATCH:
                self._ask()

    def begin_sending(self) -> None:
        """Send what there is now. Never blocks."""
        with self._changed:
            self._ask()

    def wait(self, seconds: float) -> None:
        """Wait until everything is sent, an attempt has failed, or ``seconds`` have passed."""
        with self._changed:
            self._changed.wait_for(self._is_settled, seconds)

    def close(self) -> None:
        """End the thread. What was not sent is lost."""
        with self._changed:
            self._is_closed = True
            self._ask()

    def losses(self) -> Losses:
        """What was lost since this was last called."""
        with self._changed:
            found = Losses(self._dropped, self._problem)
            self._dropped, self._problem = 0, None
            return found

    def send_batch(self) -> bool:
        """Try to send one batch. False if there is none, or a pause. Called by the thread alone."""
        with self._changed:
            batch = [] if self._rests() else self._next_batch()
            self._is_sending = bool(batch)
        if batch:
            self._send(batch)
        return bool(batch)

    def _send(self, batch: list[Span]) -> None:
        try:
            rejected = self._endpoint.send(batch)
        except NotSent as failure:
            self._failed(batch, str(failure), is_retryable=failure.is_retryable)
        except Exception as error:
            # the thread must continue, or spans would pile up for the life of the process
            self._failed(batch, f"an unexpected error ({type(error).__name__})", is_retryable=False)
        else:
            with self._changed:
                self._pause = 0.0
                self._dropped += rejected
                self._settle()

    def _failed(self, batch: list[Span], problem: str, *, is_retryable: bool) -> None:
        first, longest = PAUSE_SECONDS
        with self._changed:
            self._pause = min(2 * self._pause, longest) or first
            # nothing waits for an endpoint during its pause, not even the end of an invocation
            self._rests_until = self._ticks() + self._pause
            self._problem = problem
            # back to the front, because they are the oldest, as far as there is room
            kept = batch[: MOST_WAITING - len(self._waiting)] if is_retryable else []
            self._waiting.extendleft(reversed(kept))
            self._dropped += len(batch) - len(kept)
            self._settle()

    def _settle(self) -> None:
        self._is_sending = False
        self._changed.notify_all()

    def _next_batch(self) -> list[Span]:
        batch: list[Span] = []
        while self._waiting and len(batch) < BATCH:
            if batch and abs(self._waiting[0].begun_at - batch[0].begun_at) > SPAN_OF_TIME_MS:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _rests(self) -> bool:
        return self._ticks() < self._rests_until

    def _is_settled(self) -> bool:
        return not self._is_sending and (not self._waiting or self._rests())

    def _ask(self) -> None:
        self._is_asked = True
        self._changed.notify_all()

    def _run(self) -> None:
        while not self._is_closed:
            with self._changed:
                self._changed.wait_for(lambda: self._is_asked, EVERY_SECONDS)
                self._is_asked = False
            while not self._is_closed and self.send_batch():
                pass
