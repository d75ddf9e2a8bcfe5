"""Recognizes repeated messages, and refuses old ones.

The signature sorts its inputs. An attacker with a recorded request could exchange the timestamp and the
nonce, which also looks like a time, and replay the request days later. The encrypted content cannot be
changed.
"""

import hashlib
import json

from a2a_tasks.wecom.protocol.app_messages import AppEvent, AppMessage
from a2a_tasks.wecom.protocol.bot_messages import BotCallback, StreamRefresh
from a2a_tasks.wecom.protocol.crypto import is_near
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason
from a2a_tasks.wecom.users import canonical

FRESHNESS_MS = 600_000
"""Maximum difference between the time inside a message and the local time; an older message is a replay."""


def replay_key(message: AppMessage | AppEvent | BotCallback) -> str | None:
    """A key that is the same for all deliveries of a message and unique to it: 64 hexadecimal characters.

    None for a stream's refresh, each of which needs a current answer.
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
                # two cards may have the same button, but each click has a new code
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
        raise CallbackRefused(RefusalReason.REPLAY)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
