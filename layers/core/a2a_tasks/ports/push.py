"""Push configurations and notifications: where they are kept, and how they leave."""

from typing import Protocol

from a2a_tasks.domain.push import StoredPushConfig


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
