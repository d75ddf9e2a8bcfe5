"""Exchanges with people in chats, and what a task has said for them (wecom/exchange.py has the rules)."""

from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.wecom.exchange import Claim, End, Exchange, ExchangeRef, Feedback, State

NEWEST = 200
"""How many items a reader gets at most: all exchanges of a task, and its newest chunks."""


@dataclass(frozen=True)
class Watched:
    """A task's exchanges, and the newest of what it said, by turn, fence and number."""

    exchanges: list[Exchange]
    chunks: list[LiveChunk]


class ExchangeReader(Protocol):
    """A separate port: who only sends on what has ended changes nothing."""

    def of_task(self, task_id: str) -> list[Exchange]:
        """All exchanges of a task. Raises ``StoreUnavailable``."""
        ...


class ExchangeStore(Protocol):
    """Each change gives the exchange as it stands then, whoever has made it so, and None where there is none;
    making it again is safe. All methods raise ``StoreUnavailable``."""

    def put(self, exchange: Exchange, until: int) -> Exchange:
        """Keep a new exchange at least until this moment (Unix milliseconds), unless it is there already: the
        one that is there."""
        ...

    def remove(self, ref: ExchangeRef) -> bool:
        """Take back one that never came to be, unless it has ended; whether it is gone."""
        ...

    def get(self, ref: ExchangeRef) -> Exchange | None: ...

    def watch(self, task_id: str) -> Watched:
        """All there is to know at a refresh, in one consistent read."""
        ...

    def of_task(self, task_id: str) -> list[Exchange]: ...

    def end(self, ref: ExchangeRef, end: End) -> Exchange | None:
        """Write down what it came to, unless that is written."""
        ...

    def close(self, ref: ExchangeRef) -> Exchange | None:
        """``may_close``: no refresh delivers it from then on."""
        ...

    def claim(self, ref: ExchangeRef, claim: Claim, stale_before: int = 0) -> Exchange | None:
        """``may_claim``: nobody else delivers it from then on. It was claimed if its claim is this one."""
        ...

    def settle(self, ref: ExchangeRef, claim_id: str, state: State) -> Exchange | None:
        """``may_settle``: the claimed delivery has arrived, or cannot."""
        ...

    def rate(self, ref: ExchangeRef, feedback: Feedback) -> Exchange | None:
        """Keep what somebody thinks of the answer: the last opinion."""
        ...
