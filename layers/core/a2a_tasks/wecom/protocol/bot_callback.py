"""An AI bot's callback: from the HTTP request to the message, and from the answer to the HTTP body."""

import json
from collections.abc import Sequence
from typing import Any

from a2a_tasks.domain.text.json_text import deserialize
from a2a_tasks.wecom.connection import API_URL
from a2a_tasks.wecom.protocol.bot_messages import BotCallback, parse_bot_message
from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery, DecryptedMessage, open_with
from a2a_tasks.wecom.protocol.deduplication import check_fresh
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason

MAX_BODY_BYTES = 256 * 1024
"""Checked before the body is parsed."""


def receive_bot_message(
    keys: Sequence[CallbackKey],
    bot_id: str | None,
    query: CallbackQuery,
    body: bytes,
    now: int,
    api_url: str = API_URL,
) -> DecryptedMessage[BotCallback]:
    """The message of a POST to the bot ``bot_id``, or to the only bot with these keys. ``now`` is in Unix
    milliseconds.

    The caller must check the sender's permission, and whether the message is a duplicate. Most messages of
    bots have no time, so that only their key reveals a replay (``deduplication``). Raises
    ``CallbackRefused``.
    """
    opened = open_with(keys, query, _encrypted(body), now)
    message = parse_bot_message(opened.message, api_url)
    # the bot's id may be unknown: WeCom shows it only after the callback is saved, and token and key belong
    # to one bot
    if bot_id not in (None, message.origin.bot_id):
        raise CallbackRefused(RefusalReason.RECIPIENT)
    check_fresh(message.origin.created_at, now)
    return DecryptedMessage(message, opened.key)


def seal_bot_reply(key: CallbackKey, reply: dict[str, Any], nonce: str, now: int, random: bytes) -> bytes:
    """The body that answers a request with ``reply``. ``nonce`` is the request's own; ``now`` is in Unix
    milliseconds, ``random`` as for ``CallbackKey.encrypt``."""
    seconds = now // 1000
    encrypted = key.encrypt(json.dumps(reply, ensure_ascii=False), random)
    signature = key.sign(str(seconds), nonce, encrypted)
    envelope = {"encrypt": encrypted, "msgsignature": signature, "timestamp": seconds, "nonce": nonce}
    return json.dumps(envelope).encode()


def _encrypted(body: bytes) -> str:
    if len(body) > MAX_BODY_BYTES:
        raise CallbackRefused(RefusalReason.TOO_LARGE)
    try:
        envelope = deserialize(body.decode())
    except ValueError:
        raise CallbackRefused(RefusalReason.JSON) from None
    encrypted = envelope.get("encrypt") if isinstance(envelope, dict) else None
    if not isinstance(encrypted, str):
        raise CallbackRefused(RefusalReason.MISSING_ENCRYPT)
    return encrypted
