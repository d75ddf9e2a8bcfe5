"""An exchange: what somebody asked in a chat, and its one answer. Who delivers the answer is decided here.

A bot's exchange is ``open``: WeCom asks for its stream about once a second, and the first such refresh after
the end delivers. Before WeCom stops asking it is ``closed``, in kind words; what is closed, or not asked for
any more, is ``claimed`` by a sender, which tells through the response URL or by a message of its own. What is
delivered stays so, by the means that delivered it: asked again, a stream says the same again.
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
"""How long a stream may go on. WeCom asks for six minutes, counted from when the message was written."""
LAST_DELIVERY_MS = 340_000
"""Until when a refresh may take on the delivery: if its answer is lost, there must be another one."""
URL_MS = 3_540_000
"""How long a response URL is good for: an hour by WeCom's clock, less a minute."""
TTL_MS = 30 * 24 * 3_600_000
"""How long an exchange is kept: opinions of its answer may come late."""


class State(StrEnum):
    """How far the delivery of an exchange's answer is."""

    OPEN = "open"  # refreshes of the stream deliver
    CLOSED = "closed"  # there is no stream, or no longer: a sender delivers
    CLAIMED = "claimed"  # a sender is at it
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"  # all means have been tried


FINAL = frozenset({State.DELIVERED, State.UNDELIVERABLE})


class Means(StrEnum):
    """How an answer is delivered."""

    STREAM = "stream"
    URL = "url"  # the response URL that came with the message
    PUSH = "push"  # a message by an application or a group's robot


@dataclass(frozen=True)
class ExchangeRef:
    """What names an exchange. Those that answer a task's questions are named after their message."""

    task_id: str
    exchange_id: str = FIRST

    @property
    def stream_id(self) -> str:
        """The id of the exchange's stream in WeCom."""
        return self.task_id if self.exchange_id == FIRST else f"{self.task_id}.{self.exchange_id}"

    @classmethod
    def of_stream(cls, stream_id: str) -> Self | None:
        """The exchange whose stream it is; None for an id that is none of ours."""
        task_id, dot, exchange_id = stream_id.partition(".")
        is_ours = ids.is_task_id(task_id) and (bool(exchange_id) or not dot)
        return cls(task_id, exchange_id or FIRST) if is_ours else None


@dataclass(frozen=True)
class End:
    """What an exchange came to: its task's final status, or the question that the task asks now."""

    at: int
    status: Status
    question: str | None = field(default=None, repr=False)
    """As it is told: with its options in numbered lines."""
    call_id: str | None = None
    """What names the question."""
    options: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Claim:
    """Somebody's taking on of a delivery. ``claim_id`` is the same in all tries of one sender's message, and
    in no other's. ``at`` is in Unix milliseconds."""

    means: Means
    claim_id: str
    at: int


@dataclass(frozen=True)
class Feedback:
    """What somebody thinks of the answer: WeCom's numbers and their words."""

    type: int
    content: str
    reasons: tuple[int, ...]
    at: int


@dataclass(frozen=True)
class Exchange:
    """``chat_id`` is None where a person talks to the bot alone. ``sealed_url`` is the response URL,
    encrypted for this task and exchange (``sealing_context``). ``from_turn`` are the task's turns when it
    began: what was said in them has been told. ``answers`` is the question that it answers (a call id).
    ``note`` is said above the answer: what of the message could not be read. Times are in Unix milliseconds.
    """

    ref: ExchangeRef
    agent_id: str
    project_id: str
    connection_id: str
    user_id: str
    chat_id: str | None
    language: Language
    started_at: int
    state: State = State.OPEN
    sealed_url: bytes | None = field(default=None, repr=False)
    from_turn: int = 0
    answers: str | None = None
    end: End | None = None
    claim: Claim | None = None
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


class Step(StrEnum):
    """What the answer to a refresh is."""

    GO_ON = "go_on"  # the text so far
    CLOSE = "close"  # kind words, once it is closed
    DELIVER = "deliver"  # the result, once the delivery is the stream's
    REPEAT = "repeat"  # the same end again: an answer may have been lost
    ELSEWHERE = "elsewhere"  # the answer comes, or came, by another way


def step_of(exchange: Exchange, now: int) -> Step:
    """What to do at a refresh."""
    if exchange.state is State.DELIVERED and exchange.claim and exchange.claim.means is Means.STREAM:
        return Step.REPEAT
    # also while a sender is at it: nobody takes back what another has taken on
    if exchange.state is not State.OPEN:
        return Step.ELSEWHERE
    age = now - exchange.started_at
    # not in the last seconds in which WeCom asks: a frame that is lost then is not asked for again
    if exchange.end is not None and age < LAST_DELIVERY_MS:
        return Step.DELIVER
    return Step.GO_ON if age < STREAM_MS else Step.CLOSE


def ends(exchange: Exchange, task: Task) -> End | None:
    """What the task's present state means to an exchange: its end, or nothing yet. The question that an
    exchange answers does not end it, however late somebody is told that it was asked."""
    if not task.is_terminal and task.question is not None and task.question.call_id == exchange.answers:
        return None
    return end_of(task)


def end_of(task: Task) -> End | None:
    """What a task has come to: its end, or the question that it asks; None while it goes on."""
    if task.is_terminal:
        return End(task.completed_at or task.updated_at, task.status)
    if task.status is not Status.INPUT_REQUIRED or task.question is None:
        return None
    asked = task.question
    return End(task.updated_at, task.status, asked.whole, asked.call_id, asked.options)


def is_waiting(exchange: Exchange) -> bool:
    """Whether nobody has taken on its delivery, so that a sender must be told of its end. Whether the end is
    written down says nothing of that: a refresh may have written it that delivers nothing any more."""
    return exchange.state in (State.OPEN, State.CLOSED)


def may_close(exchange: Exchange) -> bool:
    """Whether its stream may stop, with the answer to come by another way."""
    return exchange.state is State.OPEN


def may_claim(exchange: Exchange, claim: Claim, stale_before: int) -> bool:
    """Whether a claim may be made. Only of what has ended; of each exchange one at a time. Whoever has it may
    repeat it, or go on by other means; somebody else may go on by the same means where it was left before
    ``stale_before`` (Unix milliseconds): what was sent so may have arrived."""
    if exchange.end is None:
        return False
    # only what nobody has: once it is the stream's, its refreshes repeat the end without a claim
    if claim.means is Means.STREAM:
        return exchange.state is State.OPEN
    if is_waiting(exchange):
        return True
    held = exchange.claim
    if exchange.state is not State.CLAIMED or held is None:
        return False
    # by other means only who has it may go on, since it alone knows that its own did not work
    return held.claim_id == claim.claim_id or (held.means is claim.means and held.at < stale_before)


LEFT = 0
"""When a claim was made that was left: before any moment at which claims are stale."""


def may_settle(exchange: Exchange, claim_id: str) -> bool:
    """Whether a delivery may be said to have come to its end, or left: only by who has claimed it."""
    is_held = exchange.claim is not None and exchange.claim.claim_id == claim_id
    return exchange.state is State.CLAIMED and is_held


def state_after(claim: Claim) -> State:
    """A stream's answer cannot be confirmed, only repeated; a sender's can."""
    return State.DELIVERED if claim.means is Means.STREAM else State.CLAIMED


def find(exchanges: Sequence[Exchange], ref: ExchangeRef) -> Exchange | None:
    """The exchange of this name, or None."""
    return next((exchange for exchange in exchanges if exchange.ref == ref), None)
