"""Projects' signing secrets in Secrets Manager, cached for a minute."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from a2a_tasks.adapters.secret_text import secret_text
from a2a_tasks.domain.webhooks.secret import InvalidSecret, WebhookSecret
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import SecretsUnavailable
from a2a_tasks.ports.registry import ProjectReader

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TTL_MS = 60_000
"""How long after a rotation the previous secret may still be the one that signs."""


@dataclass
class ProjectSecrets:
    """``SigningSecrets``. Concurrent threads may each read the same secret."""

    client: "SecretsManagerClient"
    registry: ProjectReader
    clock: Clock
    _cached: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict, repr=False)

    def of_project(self, project_id: str) -> tuple[str, ...]:
        until, secrets = self._cached.get(project_id, (0, ()))
        if self.clock.now() < until:
            return secrets
        settings = self.registry.project(project_id)
        secrets = self._read(settings.webhook_secret_arn) if settings and settings.webhook_secret_arn else ()
        if secrets:  # that there is none is asked again: the operator may be making one
            self._cached[project_id] = (self.clock.now() + TTL_MS, secrets)
        return secrets

    def _read(self, arn: str) -> tuple[str, ...]:
        text = secret_text(self.client, arn)
        try:
            return WebhookSecret.from_json(text).live if text is not None else ()
        except InvalidSecret as error:
            raise SecretsUnavailable(f"{arn}: {error}") from None
