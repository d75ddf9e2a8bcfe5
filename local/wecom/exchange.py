"""One action of a person, its delivery, and the responses."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How an exchange ended."""

    OPEN = "open"  # it is in progress
    DONE = "done"  # it was answered; a stream, completely
    EMPTY = "empty"  # the response had an empty body: received, and no answer for now
    UNANSWERED = "unanswered"  # no delivery was answered with 200 in time
    TIMED_OUT = "timed_out"  # the stream was not finished in time
    WRONG = "wrong"  # WeCom would reject the response; the reason is among the violations
    NOT_SENT = "not_sent"  # too many at once, or already welcomed today


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to the callback URL. `status` is None without a response; `problem` says why.

    `seconds` is real time; `was_lost`: the response arrived and was discarded, as if it had been lost.
    """

    status: int | None
    problem: str
    seconds: float
    at: int
    was_lost: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """A stream as it was shown from `at` (Unix milliseconds) on."""

    content: str
    finish: bool
    at: int
    images: int = 0
    card: dict[str, Any] | None = None


@dataclass(slots=True)
class Exchange:
    """`chat` is where the answer is shown: the user id, or the group's id. `attempts` are those of the
    message, `refreshes` those of its stream. `reply` is the first response, decrypted. Times are in
    Unix milliseconds. `clicked` is the clicked card.
    """

    id: str
    kind: str
    user: str
    chat: str
    message_id: str
    started_at: int
    response_url: str = ""
    outcome: str = Outcome.OPEN
    ended_at: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    refreshes: list[Attempt] = field(default_factory=list)
    reply: Any = None
    stream_ids: list[str] = field(default_factory=list)
    feedback_id: str | None = None
    frames: list[Frame] = field(default_factory=list)
    clicked: str | None = None

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Exchange":
        """An exchange as the double's own routes return it."""
        attempts = [Attempt(**attempt) for attempt in record["attempts"]]
        refreshes = [Attempt(**attempt) for attempt in record["refreshes"]]
        frames = [Frame(**frame) for frame in record["frames"]]
        return cls(**record | {"attempts": attempts, "refreshes": refreshes, "frames": frames})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def shown(self) -> str:
        """The stream's text as the person sees it."""
        return self.frames[-1].content if self.frames else ""

    @property
    def card(self) -> dict[str, Any]:
        """The card shown with the stream; empty if there is none."""
        return next((frame.card for frame in self.frames if frame.card), {})

    @property
    def only_grew(self) -> bool:
        """Whether each frame began with the one before it."""
        pairs = zip(self.frames, self.frames[1:], strict=False)
        return all(after.content.startswith(before.content) for before, after in pairs)

    def end(self, outcome: Outcome, now: int) -> None:
        self.outcome, self.ended_at = outcome, now
