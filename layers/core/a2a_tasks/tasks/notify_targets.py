"""Targets of notifications that are given at creation: webhooks and chat groups."""

from collections.abc import Sequence
from typing import Protocol

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.webhooks.push import PushConfig, StoredPushConfig


class PushPolicy(Protocol):
    """Accepts the push configuration of a new task."""

    def check(self, project_id: str, config: PushConfig, field: str = "") -> None:
        """Raise ``RequestRefused``, naming ``field``, if the configuration is not acceptable."""
        ...

    def keep(self, task_id: str, config_id: str, config: PushConfig) -> StoredPushConfig:
        """Encrypt and store a configuration. Raises ``StoreUnavailable`` and ``SealingUnavailable``."""
        ...


class NoPush:
    """``PushPolicy`` for tasks that cannot have one, such as those started by agents."""

    def check(self, project_id: str, config: PushConfig, field: str = "") -> None:  # noqa: ARG002
        """Refuse every configuration."""
        raise RequestRefused(ErrorCode.VALIDATION_ERROR, f"{field}: is not taken here")

    def keep(self, task_id: str, config_id: str, config: PushConfig) -> StoredPushConfig:
        """Unreachable, since ``check`` refuses every configuration."""
        raise NotImplementedError("nothing passes the check")


GROUPS_FIELD = "notify"


class GroupPolicy(Protocol):
    """Accepts the WeCom groups that a new task names."""

    def check(self, project_id: str, groups: Sequence[str]) -> None:
        """Raise ``RequestRefused`` if a group is not the project's. Raises ``StoreUnavailable``."""
        ...


class NoGroups:
    """``GroupPolicy`` for tasks that cannot name groups."""

    def check(self, project_id: str, groups: Sequence[str]) -> None:  # noqa: ARG002
        """Refuse any groups."""
        if groups:
            raise RequestRefused(ErrorCode.VALIDATION_ERROR, f"{GROUPS_FIELD}: is not taken here")
