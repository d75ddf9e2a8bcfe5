"""Secrets of push configurations, encrypted for one task and configuration only."""

import json
from dataclasses import dataclass, field

from a2a_tasks.domain.webhooks.push import PushConfig, StoredPushConfig
from a2a_tasks.ports.sealing import Opener, Sealer


@dataclass(frozen=True)
class PushSecrets:
    """Decrypted secrets; None if there is none."""

    token: str | None = field(default=None, repr=False)
    credentials: str | None = field(default=None, repr=False)


def encoded(config: PushConfig) -> bytes | None:
    """A configuration's secrets as they are encrypted; None if it has none."""
    credentials = config.authentication.credentials if config.authentication else ""
    known = {"token": config.token, "credentials": credentials or None}
    document = {name: value for name, value in known.items() if value is not None}
    return json.dumps(document, separators=(",", ":")).encode() if document else None


def sealed(sealer: Sealer, task_id: str, config_id: str, config: PushConfig) -> bytes | None:
    """A configuration's secrets, encrypted; None if it has none. Raises ``SealingUnavailable``."""
    plain = encoded(config)
    return None if plain is None else sealer.seal(plain, _context(task_id, config_id))


def opened(opener: Opener, task_id: str, config: StoredPushConfig) -> PushSecrets:
    """Decrypt a stored configuration's secrets.

    Raises:
        SealingUnavailable: The key could not be used.
        SealBroken: They were encrypted for another task or configuration.
    """
    if config.sealed is None:
        return PushSecrets()
    document = json.loads(opener.open(config.sealed, _context(task_id, config.config_id)))
    return PushSecrets(document.get("token"), document.get("credentials"))


def _context(task_id: str, config_id: str) -> dict[str, str]:
    return {"taskId": task_id, "configId": config_id}
