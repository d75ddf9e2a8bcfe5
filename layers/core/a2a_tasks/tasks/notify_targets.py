"""Who is told of a task besides its caller: what a creation needs of webhooks and of chat groups."""

from collections.abc import Sequence
from typing import Protocol

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.webhooks.push import PushConfig, StoredPushConfig


class PushTaker(Protocol):
    """What a creation with a configuration needs."""

    def check(self, project_id: str, config: PushConfig, field: str = "") -> None: ...

    def keep(self, task_id: str, config_id: str, config: PushConfig) -> StoredPushConfig: ...


class TakesNoPush:
    """``PushTaker`` where tasks have no caller who could be told, such as those that agents start."""

    def check(self, project_id: str, config: PushConfig, field: str = "") -> None:  # noqa: ARG002
        raise RequestRefused(ErrorCode.VALIDATION_ERROR, f"{field}: is not taken here")

    def keep(self, task_id: str, config_id: str, config: PushConfig) -> StoredPushConfig:
        raise NotImplementedError("nothing passes the check")


GROUPS_FIELD = "notify"


class GroupTaker(Protocol):
    """What a creation needs that names groups."""

    def check(self, project_id: str, groups: Sequence[str]) -> None:
        """Raises ``RequestRefused``, and ``StoreUnavailable``."""
        ...


class TakesNoGroups:
    """``GroupTaker`` where nobody names any."""

    def check(self, project_id: str, groups: Sequence[str]) -> None:  # noqa: ARG002
        if groups:
            raise RequestRefused(ErrorCode.VALIDATION_ERROR, f"{GROUPS_FIELD}: is not taken here")
