"""An exchange: a question asked in a chat, and its one answer. This module decides how the answer is
delivered.

A bot's exchange starts ``open``: WeCom refreshes its stream about once a second, and the first refresh after
the end delivers the answer. Before WeCom stops refreshing, the stream is ``closed`` with a notice that the
answer follows. An exchange that is closed, or no longer refreshed, is ``claimed`` by a sender, which uses the
response URL or sends a message. A delivered exchange stays delivered by the same means: a later refresh of
its stream returns the same answer again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from a2a_tasks.domain import ids
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.wecom.language import Language

FIRST = "1"
"""The exchange of the message that made the task."""
STREAM_MS = 330_000
"""Maximum duration of a stream. WeCom refreshes it for six minutes after the message was written."""
LAST_DELIVERY_MS = 340_000
"""Latest time at which a refresh may claim the delivery: if its response is lost, another refresh must
follow."""
URL_MS = 3_540_000
"""Validity of a response URL: an hour by WeCom's clock, less a minute."""
TTL_MS = 30 * 24 * 3_600_000
"""Lifetime of an exchange; feedback on its answer may arrive late."""


class ExchangeState(StrEnum):
    """State of the delivery of an exchange's answer."""

    OPEN = "open"  # refreshes of the stream deliver
    CLOSED = "closed"  # there is no stream, or not any more: a sender delivers
    CLAIMED = "claimed"  # a sender is delivering
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"  # all means have been tried


FINAL = frozenset({ExchangeState.DELIVERED, ExchangeState.UNDELIVERABLE})


class DeliveryMeans(StrEnum):
    """How an answer is delivered."""

    STREAM = "stream"
    URL = "url"  # the response URL that came with the message
    PUSH = "push"  # a message by an application or a group's robot


@dataclass(frozen=True)
class ExchangeRef:
    """Identifies an exchange. Exchanges that answer a task's questions are named after their message."""

    task_id: str
    exchange_id: str = FIRST

    @property
    def stream_id(self) -> str:
        """The id of the exchange's stream in WeCom."""
        return self.task_id if self.exchange_id == FIRST else f"{self.task_id}.{self.exchange_id}"

    @classmethod
    def of_stream(cls, stream_id: str) -> Self | None:
        """The exchange of a stream id; None for an id that this service did not create."""
        task_id, dot, exchange_id = stream_id.partition(".")
        is_ours = ids.is_task_id(task_id) and (bool(exchange_id) or not dot)
        return cls(task_id, exchange_id or FIRST) if is_ours else None


@dataclass(frozen=True)
class ExchangeEnd:
    """The end of an exchange: its task's final status, or the question that the task asks."""

    at: int
    status: Status
    question: str | None = field(default=None, repr=False)
    """As shown to users: with its options in numbered lines."""
    call_id: str | None = None
    """Identifies the question."""
    options: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class DeliveryClaim:
    """A sender's or stream's claim of a delivery. ``claim_id`` is the same in all attempts of one message,
    and unique to it. ``at`` is in Unix milliseconds."""

    means: DeliveryMeans
    claim_id: str
    at: int


@dataclass(frozen=True)
class Feedback:
    """A user's feedback on the answer: WeCom's codes and the user's text."""

    type: int
    content: str
    reasons: tuple[int, ...]
    at: int


@dataclass(frozen=True)
class Exchange:
    """``chat_id`` is None where a person talks to the bot alone. ``sealed_url`` is the response URL,
    encrypted for this task and exchange (``sealing_context``). ``from_turn`` is the task's number of turns
    when the exchange began; their text was delivered before. ``answers`` is the question that it answers (a
    call id). ``note`` is shown above the answer: which parts of the message could not be read. Times are in
    Unix milliseconds.
    """

    ref: ExchangeRef
    agent_id: str
    project_id: str
    connection_id: str
    user_id: str
    chat_id: str | None
    language: Language
    started_at: int
    state: ExchangeState = ExchangeState.OPEN
    sealed_url: bytes | None = field(default=None, repr=False)
    from_turn: int = 0
    answers: str | None = None
    end: ExchangeEnd | None = None
    claim: DeliveryClaim | None = None
    feedback: Feedback | None = None
    note: str | None = None

    @property
    def task(self) -> TaskRef:
        """The task whose answer is awaited."""
        return TaskRef(self.agent_id, self.ref.task_id)

    @property
    def sealing_context(self) -> dict[str, str]:
        """What ``sealed_url`` is sealed for."""
        return {"taskId": self.ref.task_id, "exchangeId": self.ref.exchange_id}


class RefreshResponse(StrEnum):
    """Kinds of responses to a refresh."""

    GO_ON = "go_on"  # the text so far
    CLOSE = "close"  # the notice that the answer follows, once it is closed
    DELIVER = "deliver"  # the result, once the delivery is the stream's
    REPEAT = "repeat"  # the same end again, because a response may have been lost
    ELSEWHERE = "elsewhere"  # the answer is delivered by other means


def refresh_response(exchange: Exchange, now: int) -> RefreshResponse:
    """How to respond to a refresh."""
    if (
        exchange.state is ExchangeState.DELIVERED
        and exchange.claim
        and exchange.claim.means is DeliveryMeans.STREAM
    ):
        return RefreshResponse.REPEAT
    # also while a sender delivers: a claim is never taken back
    if exchange.state is not ExchangeState.OPEN:
        return RefreshResponse.ELSEWHERE
    age = now - exchange.started_at
    # not in the last seconds of refreshes: a frame lost then would not be requested again
    if exchange.end is not None and age < LAST_DELIVERY_MS:
        return RefreshResponse.DELIVER
    return RefreshResponse.GO_ON if age < STREAM_MS else RefreshResponse.CLOSE


def end_of_exchange(exchange: Exchange, task: Task) -> ExchangeEnd | None:
    """The end of an exchange by its task's current state, or None. The question that an exchange answers does
    not end it, however late its notification arrives."""
    if not task.is_terminal and task.question is not None and task.question.call_id == exchange.answers:
        return None
    return end_of(task)


def end_of(task: Task) -> ExchangeEnd | None:
    """A task's end, or the question that it asks; None while it continues."""
    if task.is_terminal:
        return ExchangeEnd(task.completed_at or task.updated_at, task.status)
    if task.status is not Status.INPUT_REQUIRED or task.question is None:
        return None
    asked = task.question
    return ExchangeEnd(task.updated_at, task.status, asked.with_options, asked.call_id, asked.options)


def is_waiting(exchange: Exchange) -> bool:
    """Whether its delivery is unclaimed, so that a sender must be notified of its end. A recorded end does
    not matter here: the refresh that recorded it may not deliver."""
    return exchange.state in (ExchangeState.OPEN, ExchangeState.CLOSED)


def may_close(exchange: Exchange) -> bool:
    """Whether its stream may be closed, with the answer delivered by other means."""
    return exchange.state is ExchangeState.OPEN


def may_claim(exchange: Exchange, claim: DeliveryClaim, stale_before: int) -> bool:
    """Whether a claim may be made: only after the end, and one at a time. Its owner may repeat it, or switch
    to other means. Another sender may continue by the same means if the claim is older than ``stale_before``
    (Unix milliseconds), because parts of the answer may have arrived."""
    if exchange.end is None:
        return False
    # only if unclaimed: after the stream's claim, its refreshes repeat the end without claiming again
    if claim.means is DeliveryMeans.STREAM:
        return exchange.state is ExchangeState.OPEN
    if is_waiting(exchange):
        return True
    held = exchange.claim
    if exchange.state is not ExchangeState.CLAIMED or held is None:
        return False
    # only the owner may switch to other means, because only it knows that its own failed
    return held.claim_id == claim.claim_id or (held.means is claim.means and held.at < stale_before)


LEFT = 0
"""Time of a claim that was left, which makes it stale at once."""


def may_settle(exchange: Exchange, claim_id: str) -> bool:
    """Whether a delivery may be settled or left: only by the owner of the claim."""
    is_held = exchange.claim is not None and exchange.claim.claim_id == claim_id
    return exchange.state is ExchangeState.CLAIMED and is_held


def state_after(claim: DeliveryClaim) -> ExchangeState:
    """A stream's answer cannot be confirmed, only repeated; a sender's can."""
    return ExchangeState.DELIVERED if claim.means is DeliveryMeans.STREAM else ExchangeState.CLAIMED


def find(exchanges: Sequence[Exchange], ref: ExchangeRef) -> Exchange | None:
    """The exchange of this name, or None."""
    return next((exchange for exchange in exchanges if exchange.ref == ref), None)
