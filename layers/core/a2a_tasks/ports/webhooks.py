"""What delivering notifications needs: the way to a receiver, and what signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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
