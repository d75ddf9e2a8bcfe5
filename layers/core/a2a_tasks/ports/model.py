"""The model behind the agents: one turn at a time."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.usage import Usage


@dataclass(frozen=True)
class ModelRequest:
    """One request for a turn. ``messages`` are Messages API message objects."""

    model: str
    system: str
    messages: list[dict[str, Any]]
    max_tokens: int


@dataclass(frozen=True)
class ModelReply:
    """A finished turn: all its text, why it stopped, and what it used (one turn, without a price)."""

    text: str
    stop_reason: str
    usage: Usage
    refusal_category: str | None = None


@dataclass
class ModelBusy(Exception):
    """Overloaded, rate-limited, unreachable, or cut off: trying again later may work.

    ``retry_after`` is in seconds, where the service said it; ``used`` is what the broken turn was billed.
    """

    reason: str
    retry_after: float | None = None
    used: Usage = field(default_factory=Usage)

    def __str__(self) -> str:
        return self.reason


@dataclass
class ModelRejected(Exception):
    """The service refuses this request, and would refuse it again."""

    code: FailureCode
    reason: str

    def __str__(self) -> str:
        return self.reason


class Model(Protocol):
    async def turn(self, request: ModelRequest) -> ModelReply:
        """Raises ``ModelBusy`` or ``ModelRejected``; can be cancelled at any moment."""
        ...
