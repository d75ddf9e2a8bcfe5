"""The projects' signing secrets, encrypted in the registry for the webhooks function."""

from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.secrets.kms_envelopes import KmsEnvelopes
from a2a_tasks.domain.webhooks.secret import RANDOM_BYTES, InvalidSecret, WebhookSecret
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.sealing import SealBroken
from a2a_tasks.webhooks.signing_secrets import opened, sealed
from a2actl.terminal.fault import Fault


@dataclass(frozen=True)
class WebhookSecrets:
    """Raises what AWS raises, ``StoreUnavailable`` and ``SealingUnavailable``."""

    registry: DynamoDBRegistry
    sealing: KmsEnvelopes
    clock: Clock
    entropy: Entropy

    def read(self, project_id: str) -> WebhookSecret | None:
        """None if the project has none. Raises ``Fault`` for one that does not open."""
        stored = self._stored(project_id)
        return None if stored is None else self._opened(project_id, stored)

    def ensure(self, project_id: str) -> None:
        """Create a secret for an existing project, unless it has one."""
        if self._stored(project_id) is None:
            # another process has created one meanwhile
            self._replace(project_id, None, self._new())

    def change(self, project_id: str, change: Callable[[WebhookSecret], WebhookSecret]) -> WebhookSecret:
        """Put what ``change`` makes of the project's secret in its place. Raises ``Fault`` if there is none,
        or it was changed by somebody else at the same time."""
        stored = self._stored(project_id)
        if stored is None:
            raise no_secret(project_id)
        return self._changed(project_id, stored, change(self._opened(project_id, stored)))

    def start_anew(self, project_id: str) -> WebhookSecret:
        """Let a new secret alone sign, whatever was there, which need not open."""
        return self._changed(project_id, self._stored(project_id), self._new())

    def chance(self) -> tuple[bytes, int]:
        """What a new secret is made of, and when: random bytes and Unix milliseconds."""
        return self.entropy.bytes(RANDOM_BYTES), self.clock.now()

    def _new(self) -> WebhookSecret:
        return WebhookSecret.new(*self.chance())

    def _changed(self, project_id: str, seen: bytes | None, secret: WebhookSecret) -> WebhookSecret:
        if not self._replace(project_id, seen, secret):
            raise Fault(
                f"The signing secret of {project_id} was changed by somebody else at the same time; check it,"
                f" then try again: a2actl webhooks secret show --project {project_id}"
            )
        return secret

    def _replace(self, project_id: str, seen: bytes | None, secret: WebhookSecret) -> bool:
        return self.registry.replace_webhook_secret(
            project_id, seen, sealed(self.sealing, project_id, secret)
        )

    def _stored(self, project_id: str) -> bytes | None:
        project = self.registry.project(project_id)
        return project.webhook_secret if project else None

    def _opened(self, project_id: str, stored: bytes) -> WebhookSecret:
        try:
            return opened(self.sealing, project_id, stored)
        except (SealBroken, InvalidSecret):
            raise Fault(
                f"The signing secret of {project_id} cannot be decrypted with the stack's key, so none of its"
                " notifications is sent. If the key that encrypted it is lost, replace the secret:"
                f" a2actl webhooks secret rotate --project {project_id} --start-anew"
            ) from None


def no_secret(project_id: str) -> Fault:
    return Fault(
        f"The project {project_id} has no signing secret; this creates one:"
        f" a2actl webhooks secret rotate --project {project_id}"
    )
