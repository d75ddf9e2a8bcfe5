"""An AI bot's callback: from the HTTP request to the message, and from the answer to the HTTP body."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.text.json_text import deserialize
from a2a_tasks.wecom.connection import API_URL
from a2a_tasks.wecom.protocol.bot_messages import BotCallback, parse_bot_message
from a2a_tasks.wecom.protocol.crypto import CallbackKey, Query, open_with
from a2a_tasks.wecom.protocol.deduplication import check_fresh
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, Reason

MAX_BODY_BYTES = 256 * 1024
"""Checked before anything is parsed."""


@dataclass(frozen=True)
class ReceivedByBot:
    """A message that is what it claims to be, and the key of its answer and its files."""

    message: BotCallback
    key: CallbackKey


def receive_bot_message(
    keys: Sequence[CallbackKey],
    bot_id: str | None,
    query: Query,
    body: bytes,
    now: int,
    api_url: str = API_URL,
) -> ReceivedByBot:
    """What a POST brings to the bot ``bot_id``, or to the one bot that has these keys; ``now`` is in Unix
    milliseconds.

    Whether the sender may use it, and whether it came before, is for the caller to find out. Most messages of
    bots say nothing about their age, so a replay is known by its key alone (``deduplication``).
    Raises ``CallbackRefused``.
    """
    opened = open_with(keys, query, _encrypted(body), now)
    message = parse_bot_message(opened.message, api_url)
    # its id may be unknown: WeCom shows it after the callback is saved, and token and key are the bot's own
    if bot_id not in (None, message.origin.bot_id):
        raise CallbackRefused(Reason.RECIPIENT)
    check_fresh(message.origin.created_at, now)
    return ReceivedByBot(message, opened.key)


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
        raise CallbackRefused(Reason.TOO_LARGE)
    try:
        envelope = deserialize(body.decode())
    except ValueError:
        raise CallbackRefused(Reason.JSON) from None
    encrypted = envelope.get("encrypt") if isinstance(envelope, dict) else None
    if not isinstance(encrypted, str):
        raise CallbackRefused(Reason.MISSING_ENCRYPT)
    return encrypted
