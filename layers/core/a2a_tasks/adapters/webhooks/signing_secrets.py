"""Projects' signing secrets as the registry has them, cached for a minute."""

from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.domain.webhooks.secret import InvalidSecret
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import SealingUnavailable, SecretsUnavailable
from a2a_tasks.ports.registry import ProjectReader
from a2a_tasks.ports.sealing import Opener, SealBroken
from a2a_tasks.webhooks.signing_secrets import opened

TTL_MS = 60_000
"""How long after a rotation the previous secret may still be the one that signs."""


class ProjectSecrets:
    """``SigningSecrets``."""

    def __init__(self, registry: ProjectReader, opener: Opener, clock: Clock) -> None:
        self._registry = registry
        self._opener = opener
        self._cached = TtlCache[tuple[str, ...]](clock, TTL_MS)

    def of_project(self, project_id: str) -> tuple[str, ...]:
        # a missing secret is not cached, because the operator may be creating one
        return self._cached.get(project_id, lambda: self._read(project_id)) or ()

    def _read(self, project_id: str) -> tuple[str, ...] | None:
        settings = self._registry.project(project_id)
        if settings is None or settings.webhook_secret is None:
            return None
        try:
            return opened(self._opener, project_id, settings.webhook_secret).live
        except (SealingUnavailable, SealBroken, InvalidSecret) as error:
            # never sent unsigned: the delivery is retried
            raise SecretsUnavailable(f"the signing secret of {project_id}: {error}") from error
