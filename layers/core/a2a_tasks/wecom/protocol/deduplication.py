"""Knowing a message again, and refusing one that is old.

The signature sorts what it covers, so whoever has recorded a request can exchange its timestamp and its
nonce, which looks like a time too, and have it accepted again days later. What is encrypted stays as it is.
"""

import hashlib
import json

from a2a_tasks.wecom.protocol.app_messages import AppEvent, AppMessage
from a2a_tasks.wecom.protocol.bot_messages import BotCallback, StreamRefresh
from a2a_tasks.wecom.protocol.crypto import is_near
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, Reason
from a2a_tasks.wecom.users import canonical

FRESHNESS_MS = 600_000
"""How far the time inside a message may be from ours; what is older is a replay."""


def replay_key(message: AppMessage | AppEvent | BotCallback) -> str | None:
    """What all deliveries of a message have in common, and no other message has: 64 hexadecimal characters.

    None for a stream's refresh: each is to be answered with what there is by then.
    """
    match message:
        case AppMessage():
            return _digest("app", message.corp_id, message.agent_id, message.message_id)
        case AppEvent():
            return _digest(
                "app-event",
                message.corp_id,
                message.agent_id,
                canonical(message.user_id),
                str(message.created_at),
                message.event,
                message.event_key,
                # Two cards may have the same button; the code is new with each click.
                message.click.response_code if message.click else "",
            )
        case StreamRefresh():
            return None
        case _:
            return _digest("bot", message.origin.bot_id, message.origin.message_id)


def check_fresh(created_at: int | None, now: int) -> None:
    """Refuse what was created (Unix seconds, None where it does not say) more than ten minutes from ``now``
    (Unix milliseconds). Raises ``CallbackRefused``."""
    if created_at is not None and not is_near(created_at, now, FRESHNESS_MS):
        raise CallbackRefused(Reason.REPLAY)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
