"""Push configurations: where a task's changes are sent (A2A 1.0, TaskPushNotificationConfig)."""

from dataclasses import dataclass, field
from enum import StrEnum


class PushFormat(StrEnum):
    """What a receiver is sent."""

    A2A = "a2a"  # a StreamResponse of A2A 1.0: {"task"} or {"statusUpdate"}
    A2A_0_3 = "a2a-0.3"  # the bare task of A2A 0.3


@dataclass(frozen=True)
class Authentication:
    """The ``Authorization`` header of the receiver's choosing: ``{scheme} {credentials}``."""

    scheme: str
    credentials: str = field(default="", repr=False)


@dataclass(frozen=True)
class PushConfig:
    """One target of a task. ``token`` comes back in ``X-A2A-Notification-Token``.

    ``token`` and ``authentication.credentials`` are secrets: encrypted where they are kept, never shown.
    """

    config_id: str
    url: str
    token: str | None = field(default=None, repr=False)
    authentication: Authentication | None = None
    format: PushFormat = PushFormat.A2A
