"""What an administrator's Save does: the URL must return the decrypted text within a second."""

import secrets
from dataclasses import dataclass

from local.wecom.callbacks.delivering import Sender
from local.wecom.callbacks.envelope import Envelope
from local.wecom.clock import Clock


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the URL was accepted; if not, why. `seconds` is real time."""

    is_verified: bool
    problem: str
    seconds: float


async def verify_url(
    sender: Sender, clock: Clock, url: str, envelope: Envelope, limit_seconds: float
) -> Verification:
    """Request from the URL a text that only it can decrypt."""
    secret = str(secrets.randbits(63))
    sealed = envelope.seal(secret, clock.now())
    query = sealed.query | {"echostr": sealed.encrypt}
    attempt, body = await sender.get(url, query, limit_seconds)
    problem = attempt.problem
    if attempt.status is not None and attempt.status != 200:
        problem = f"status {attempt.status}"
    elif attempt.status == 200 and body != secret.encode():
        problem = "the body is not exactly what was encrypted"
    return Verification(not problem, problem, attempt.seconds)
