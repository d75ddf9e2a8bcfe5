"""Accepting push configurations: validate, encrypt the secrets, store."""

from dataclasses import dataclass

from a2a_tasks.domain.errors import ErrorCode, RequestRefused, invalid
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.domain.webhooks.push import MAX_SECRETS, PushConfig, StoredPushConfig
from a2a_tasks.domain.webhooks.target import check_url
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.registry import ProjectReader
from a2a_tasks.ports.sealing import Sealer
from a2a_tasks.ports.webhooks import PushConfigStore
from a2a_tasks.webhooks.push_secrets import encoded, sealed

DAY_MS = 24 * 3_600_000


@dataclass(frozen=True)
class PushAcceptance:
    """``PushPolicy``. Configurations are deleted with their task, ``retention_ms`` after its end."""

    store: PushConfigStore
    projects: ProjectReader
    sealer: Sealer
    clock: Clock
    retention_ms: int
    allow_loopback: bool

    def check(self, project_id: str, config: PushConfig, field: str = "") -> None:
        """Raise ``RequestRefused``, naming ``field`` of the request, if the configuration is not
        acceptable. Raises ``StoreUnavailable``."""
        url = check_url(config.url, allow_loopback=self.allow_loopback)
        problem = config.problem() if url is None else ("url", url)
        if problem is None and len(encoded(config) or b"") > MAX_SECRETS:
            text = f"must be shorter: with token they take more than {MAX_SECRETS} bytes"
            problem = ("authentication.credentials", text)
        if problem is not None:
            raise invalid(".".join(filter(None, (field, problem[0]))), problem[1])
        settings = self.projects.project(project_id)
        if settings is None or settings.webhook_secret is None:
            raise RequestRefused(
                ErrorCode.PUSH_NOT_SUPPORTED,
                "This project has no secret yet to sign notifications with; its operator makes one with "
                f"`a2actl webhooks secret rotate --project {project_id}`.",
            )

    def keep(self, task_id: str, config_id: str, config: PushConfig) -> StoredPushConfig:
        """Store a checked configuration. Raises ``StoreUnavailable`` and ``SealingUnavailable``."""
        now = self.clock.now()
        stored = StoredPushConfig(
            config_id=config_id,
            url=config.url,
            format=config.format,
            scheme=config.authentication.scheme if config.authentication else None,
            sealed=sealed(self.sealer, task_id, config_id, config),
            created_at=now,
        )
        # a day longer than its task can be read; if the task was never created, only this deletes the
        # configuration
        self.store.put(task_id, stored, now + LONGEST_LIFE_MS + self.retention_ms + DAY_MS)
        return stored
