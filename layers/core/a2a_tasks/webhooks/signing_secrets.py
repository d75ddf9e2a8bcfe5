"""Projects' signing secrets, encrypted for one project only."""

from a2a_tasks.domain.webhooks.secret import WebhookSecret
from a2a_tasks.ports.sealing import Opener, Sealer


def sealed(sealer: Sealer, project_id: str, secret: WebhookSecret) -> bytes:
    """A secret, encrypted. Raises ``SealingUnavailable``."""
    return sealer.seal(secret.to_json().encode(), _context(project_id))


def opened(opener: Opener, project_id: str, stored: bytes) -> WebhookSecret:
    """Decrypt a stored secret.

    Raises:
        SealingUnavailable: The key could not be used.
        SealBroken: It was encrypted for another project, or with another key.
        InvalidSecret: The content is not a signing secret.
    """
    return WebhookSecret.from_json(opener.open(stored, _context(project_id)).decode(errors="replace"))


def _context(project_id: str) -> dict[str, str]:
    return {"projectId": project_id}
