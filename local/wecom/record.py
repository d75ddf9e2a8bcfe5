"""What people saw, the calls made, and violations of WeCom's rules."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message delivered to a chat: a person's (the user id), or a group's (its id, or a robot's key).

    `via` is `message/send`, `webhook/send`, `aibot/response`, `stream`, `reply` or `update_template_card`;
    `at` is in Unix milliseconds. `text` is its readable part; `message` the whole, as received.
    """

    to: str
    via: str
    msgtype: str
    text: str
    at: int
    was_truncated: bool = False
    message: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call of the API and its error code; None without a response. `at` is in Unix milliseconds."""

    endpoint: str
    errcode: int | None
    at: int


class Record:
    """Everything since the start or the last reset. A test should fail if there are violations."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.dropped: list[Delivery] = []
        self.calls: list[ApiCall] = []
        self.violations: list[str] = []

    def violate(self, who: str, what: str) -> None:
        self.violations.append(f"{who}: {what}")

    def to_json(self) -> dict[str, Any]:
        return {
            "deliveries": [asdict(delivery) for delivery in self.deliveries],
            "dropped": [asdict(delivery) for delivery in self.dropped],
            "calls": [asdict(call) for call in self.calls],
            "violations": self.violations,
        }
