"""What delivering notifications needs: the queue that has them, the way to a receiver, and what signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.push import Notification


class NotAnswered(Exception):
    """A receiver could not be called, or did not answer. The text says why, without the address."""


@dataclass(frozen=True)
class Answer:
    """What is kept of a receiver's answer. ``retry_after`` is the header as it was sent."""

    status: int
    retry_after: str | None = None


class WebhookClient(Protocol):
    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """One try, over within seconds. Redirects are answers, not followed. Raises ``NotAnswered``, also for
        an address that no notification may go to."""
        ...


class SigningSecrets(Protocol):
    def of_project(self, project_id: str) -> tuple[str, ...]:
        """The live secrets of a project, the current one first; none if it has none. May block.

        Raises ``StoreUnavailable`` and ``SecretsUnavailable``.
        """
        ...


@dataclass(frozen=True)
class WebhookDelivery:
    """One received message of the notification queue. ``notification`` is None if its body is none.

    ``sent_at`` (Unix milliseconds) is when it was put into the queue, by the notifier or by an operator: from
    then on its receiver is tried, for as long as the deployment says.
    """

    message_id: str
    receipt: str
    body: str
    group_id: str | None
    notification: Notification | None
    sent_at: int
    receive_count: int


class WebhookQueue(Protocol):
    """What a consumer does with deliveries. Both raise ``QueueUnavailable``."""

    def hide(self, delivery: WebhookDelivery, seconds: int) -> None:
        """Keep it from being received again for so long, from now: up to 12 hours after its receipt."""
        ...

    def bury(self, delivery: WebhookDelivery, reason: str) -> None:
        """Put a copy into the dead-letter queue. The message itself is still to be deleted."""
        ...
