"""The projects' signing secrets, in Secrets Manager, below the prefix that the webhooks function may read."""

from dataclasses import dataclass

from a2a_tasks.domain.webhooks.secret import RANDOM_BYTES, InvalidSecret, WebhookSecret
from a2a_tasks.ports.clock import Clock, Entropy
from a2actl.deployment.secret_store import SecretStore
from a2actl.terminal.fault import Fault


@dataclass(frozen=True)
class WebhookSecrets:
    """Secrets ``<prefix><project>``, each as ``WebhookSecret.to_json``. What AWS raises passes through."""

    secret_store: SecretStore
    prefix: str
    clock: Clock
    entropy: Entropy

    def read(self, project_id: str) -> WebhookSecret | None:
        """None if the project has none. Raises ``Fault`` for what is none."""
        text = self.secret_store.read(self._name(project_id))
        try:
            return None if text is None else WebhookSecret.from_json(text)
        except InvalidSecret:
            raise Fault(
                f"The secret {self._name(project_id)} is not one that a2actl made; delete it in Secrets"
                f" Manager and make a new one: a2actl webhooks secret rotate --project {project_id}"
            ) from None

    def ensure(self, project_id: str) -> str:
        """The ARN of the project's secret; one is made if there is none."""
        if self.secret_store.read(self._name(project_id)) is None:
            return self.write(project_id, WebhookSecret.new(*self.chance()))
        arn: str = self.secret_store.described(self._name(project_id))["ARN"]
        return arn

    def write(self, project_id: str, secret: WebhookSecret) -> str:
        """The ARN of the secret, as it is from now on."""
        description = f"Signs the notifications of the project {project_id}."
        return self.secret_store.store(self._name(project_id), secret.to_json(), description)

    def chance(self) -> tuple[bytes, int]:
        """What a new secret is made of, and when: random bytes and Unix milliseconds."""
        return self.entropy.bytes(RANDOM_BYTES), self.clock.now()

    def _name(self, project_id: str) -> str:
        return f"{self.prefix}{project_id}"
