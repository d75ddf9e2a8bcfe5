"""Push configurations, and what delivery of notifications needs: an HTTP client and signing secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.webhooks.delivery import DeliveryNote
from a2a_tasks.domain.webhooks.push import StoredPushConfig


class NotAnswered(Exception):
    """A receiver could not be called, or did not respond. The message gives the reason without the
    address."""


@dataclass(frozen=True)
class ReceiverAnswer:
    """A receiver's response, without its body."""

    status: int
    """HTTP status."""
    retry_after: str | None = None
    """The ``Retry-After`` header as received, unparsed."""


class WebhookClient(Protocol):
    """HTTP client that reaches only addresses which notifications may be sent to."""

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> ReceiverAnswer:
        """Send one request, bounded to seconds and without retries. Redirects are returned, not followed.

        Raises:
            NotAnswered: Also for an address that notifications may not be sent to.
        """
        ...


class SigningSecrets(Protocol):
    """Webhook signing secrets of projects."""

    def of_project(self, project_id: str) -> tuple[str, ...]:
        """A project's valid secrets, the current one first; empty if it has none. May block.

        Raises:
            StoreUnavailable: The registry could not be read.
            SecretsUnavailable: The secret could not be read.
        """
        ...


class PushConfigStore(Protocol):
    """Push configurations of each task. All methods are idempotent and raise ``StoreUnavailable``."""

    def put(self, task_id: str, config: StoredPushConfig, until: int) -> None:
        """Store a configuration, replacing one of the same id. ``until`` (Unix milliseconds) is the entry's
        time to live: its task has been deleted by then."""
        ...

    def get(self, task_id: str, config_id: str) -> StoredPushConfig | None:
        """One configuration, or None (a consistent read)."""
        ...

    def all(self, task_id: str) -> list[StoredPushConfig]:
        """All configurations of a task, sorted by id (a consistent read)."""
        ...

    def delete(self, task_id: str, config_id: str, seen: StoredPushConfig | None = None) -> None:
        """Remove a configuration; with ``seen`` only if it is still that one. Idempotent."""
        ...


class DeliveryLog(Protocol):
    """Notes on deliveries. Both methods raise ``StoreUnavailable``."""

    def note(self, task_id: str, note: DeliveryNote, until: int) -> None:
        """Record the status of a delivery, unless it is recorded as delivered. Attempts are added to earlier
        ones; a retry after a lost response may count them twice. ``until`` (Unix milliseconds) is its time to
        live."""
        ...

    def notes(self, task_id: str, limit: int) -> list[DeliveryNote]:
        """Up to ``limit`` notes of a task, newest first (a consistent read)."""
        ...


class PushConfigIds(Protocol):
    """The ids alone. A separate port, because the function that fans notifications out must not read
    addresses and credentials."""

    def ids(self, task_id: str) -> list[str]:
        """Ids of a task's configurations, sorted (a consistent read). Raises ``StoreUnavailable``."""
        ...
