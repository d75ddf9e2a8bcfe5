"""Push configurations, and what delivering notifications needs: the way to a receiver, and what signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.webhooks.push import StoredPushConfig


class NotAnswered(Exception):
    """A receiver could not be called, or did not answer. The text says why, without the address."""


@dataclass(frozen=True)
class ReceiverAnswer:
    """What is kept of a receiver's answer. ``retry_after`` is the header as it was sent."""

    status: int
    retry_after: str | None = None


class WebhookClient(Protocol):
    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> ReceiverAnswer:
        """One try, over within seconds. Redirects are answers, not followed. Raises ``NotAnswered``, also for
        an address that no notification may go to."""
        ...


class SigningSecrets(Protocol):
    def of_project(self, project_id: str) -> tuple[str, ...]:
        """The live secrets of a project, the current one first; none if it has none. May block.

        Raises ``StoreUnavailable`` and ``SecretsUnavailable``.
        """
        ...


class PushConfigStore(Protocol):
    """The configurations of each task. All methods raise ``StoreUnavailable`` and can be repeated."""

    def put(self, task_id: str, config: StoredPushConfig, until: int) -> None:
        """Keep a configuration; one of the same id is replaced. ``until`` (Unix milliseconds) is when its
        task has been deleted for certain: the entry may be deleted then."""
        ...

    def get(self, task_id: str, config_id: str) -> StoredPushConfig | None:
        """A consistent read."""
        ...

    def all(self, task_id: str) -> list[StoredPushConfig]:
        """All configurations of a task, in the order of their ids (a consistent read)."""
        ...

    def delete(self, task_id: str, config_id: str) -> None: ...


class PushConfigIds(Protocol):
    """A separate port: who only sends notifications on sees no more than the ids."""

    def ids(self, task_id: str) -> list[str]:
        """The ids of a task's configurations, in order (a consistent read). Raises ``StoreUnavailable``."""
        ...
