"""Push configurations: where a task's changes are sent (A2A 1.0, TaskPushNotificationConfig)."""

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum

from a2a_tasks.domain.task import Status, Task, TaskRef

MAX_CONFIGS = 10
"""Configurations per task."""
MAX_SECRETS = 4_096
"""Bytes of token and credentials together as encoded by ``webhooks/secrets.py``: what KMS encrypts in one
call."""

_CONFIG_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~-]{0,63}")
_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")


class PushFormat(StrEnum):
    """Format of the notification body."""

    A2A = "a2a"  # a StreamResponse of A2A 1.0: {"task"} or {"statusUpdate"}
    A2A_0_3 = "a2a-0.3"  # the bare task of A2A 0.3


@dataclass(frozen=True)
class Authentication:
    """The receiver's ``Authorization`` header: ``{scheme} {credentials}``."""

    scheme: str
    credentials: str = field(default="", repr=False)


@dataclass(frozen=True)
class PushConfig:
    """A push configuration as the caller sent it. ``token`` and ``authentication.credentials`` are
    secrets: stored encrypted and never returned."""

    url: str
    token: str | None = field(default=None, repr=False)
    """Sent in ``X-A2A-Notification-Token``."""
    authentication: Authentication | None = None
    format: PushFormat = PushFormat.A2A
    config_id: str | None = None
    """None: one is generated."""

    def problem(self) -> tuple[str, str] | None:
        """The first invalid field by its name on the wire, and what it must be; None if all are valid.
        Whether the address may be called is checked by ``domain/webhooks/target.py``."""
        if self.config_id is not None and not _CONFIG_ID.fullmatch(self.config_id):
            return (
                "id",
                "must be 1 to 64 letters, digits, _ . ~ and -, the first a letter, a digit or _",
            )
        if self.token is not None and not _HEADER_VALUE.fullmatch(self.token):
            return "token", "must be printable ASCII without a space at either end, as it is sent in a header"
        if self.authentication is None:
            return None
        if not _SCHEME.fullmatch(self.authentication.scheme):
            return "authentication.scheme", "must be the name of a scheme, such as Bearer"
        if self.authentication.credentials and not _HEADER_VALUE.fullmatch(self.authentication.credentials):
            return (
                "authentication.credentials",
                "must be printable ASCII without a space at either end, as they are sent in a header",
            )
        return None


@dataclass(frozen=True)
class StoredPushConfig:
    """A push configuration as stored."""

    config_id: str
    url: str
    format: PushFormat = PushFormat.A2A
    scheme: str | None = None
    sealed: bytes | None = field(default=None, repr=False)
    """Its encrypted secrets. None if it has none."""
    created_at: int = 0
    """When it was given, or last replaced (Unix milliseconds). 0 in items of earlier releases."""


@dataclass(frozen=True)
class StatusChange:
    """A change of a task's status."""

    task: Task
    """The task right after the change."""
    before: Status


@dataclass(frozen=True)
class Notification:
    """One change to be delivered to one receiver."""

    ref: TaskRef
    project_id: str
    config_id: str
    status: Status
    at: int
    """Time of the change (Unix milliseconds)."""
    correlation_id: str
    notification_id: str


def notification_of(change: StatusChange, config_id: str) -> Notification:
    """The notification of a change. Deterministic: the same change and configuration give the same
    ``notification_id``, by which receivers drop duplicates."""
    task = change.task
    return Notification(
        ref=task.ref,
        project_id=task.project_id,
        config_id=config_id,
        status=task.status,
        at=task.updated_at,
        correlation_id=task.correlation_id,
        notification_id=_notification_id(task, config_id),
    )


def _notification_id(task: Task, config_id: str) -> str:
    # within one fence a task reaches a status only once, because every claim raises the fence
    change = f"{task.ref.task_id}\n{config_id}\n{task.status}\n{task.fence}"
    return f"msg_{hashlib.sha256(change.encode()).hexdigest()[:32]}"
