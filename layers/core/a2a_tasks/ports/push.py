"""Where the push configurations of tasks are kept."""

from typing import Protocol

from a2a_tasks.domain.push import PushConfig
from a2a_tasks.domain.task import TaskRef


class PushConfigStore(Protocol):
    """All methods raise ``StoreUnavailable`` and can be repeated."""

    def put(self, ref: TaskRef, config: PushConfig) -> None:
        """Keep a configuration; one of the same id is replaced."""
        ...

    def get(self, ref: TaskRef, config_id: str) -> PushConfig | None: ...

    def list(self, ref: TaskRef) -> list[PushConfig]:
        """All configurations of a task, in the order of their ids."""
        ...

    def delete(self, ref: TaskRef, config_id: str) -> None: ...
