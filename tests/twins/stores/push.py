"""Push configurations, their encryption and the notification queue, in memory."""

import json
from collections.abc import Mapping

from a2a_tasks.domain.webhooks.push import StoredPushConfig
from a2a_tasks.ports.sealing import SealBroken


class MemoryPushConfigs:
    """``PushConfigStore`` and ``PushConfigIds``. ``until`` is when each may be deleted."""

    def __init__(self) -> None:
        self.by_task: dict[str, dict[str, StoredPushConfig]] = {}
        self.until: dict[tuple[str, str], int] = {}

    def put(self, task_id: str, config: StoredPushConfig, until: int) -> None:
        self.by_task.setdefault(task_id, {})[config.config_id] = config
        self.until[task_id, config.config_id] = until

    def get(self, task_id: str, config_id: str) -> StoredPushConfig | None:
        return self.by_task.get(task_id, {}).get(config_id)

    def all(self, task_id: str) -> list[StoredPushConfig]:
        return [config for _, config in sorted(self.by_task.get(task_id, {}).items())]

    def ids(self, task_id: str) -> list[str]:
        return sorted(self.by_task.get(task_id, {}))

    def delete(self, task_id: str, config_id: str, seen: StoredPushConfig | None = None) -> None:
        configs = self.by_task.get(task_id, {})
        if seen is None or configs.get(config_id) == seen:
            configs.pop(config_id, None)


class MemorySealing:
    """``Sealer`` and ``Opener``: sealed data cannot be read without its context."""

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        return json.dumps([plain.hex(), dict(context)], sort_keys=True).encode()[::-1]

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        try:
            plain, sealed_for = json.loads(sealed[::-1])
        except ValueError:
            raise SealBroken("not sealed here") from None
        if sealed_for != dict(context):
            raise SealBroken("sealed for something else")
        return bytes.fromhex(plain)
