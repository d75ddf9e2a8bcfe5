"""Headers of a webhook request."""

from collections.abc import Sequence

from a2a_tasks.domain.webhooks.secret import signed_headers
from a2a_tasks.webhooks.push_secrets import PushSecrets

CONTENT_TYPE = "application/a2a+json"
USER_AGENT = "a2a-tasks"


def headers(
    secrets: Sequence[str],
    message_id: str,
    timestamp: int,
    body: bytes,
    scheme: str | None = None,
    given: PushSecrets | None = None,
) -> list[tuple[str, str]]:
    """All headers of a request.

    Args:
        secrets: Signing secrets.
        message_id: Id of the notification.
        timestamp: Time of this attempt (Unix seconds).
        body: The body that is signed.
        scheme: The receiver's authentication scheme, if any.
        given: The receiver's token and credentials.
    """
    found = [("Content-Type", CONTENT_TYPE), ("User-Agent", USER_AGENT)]
    found += signed_headers(secrets, message_id, timestamp, body)
    if given is not None and given.token:
        found.append(("X-A2A-Notification-Token", given.token))
    if given is not None and given.credentials and scheme:
        found.append(("Authorization", f"{scheme} {given.credentials}"))
    return found
