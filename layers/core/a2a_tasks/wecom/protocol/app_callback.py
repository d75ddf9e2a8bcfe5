"""A self-built application's callback: from the request to the message, and from the answer to its body."""

from collections.abc import Sequence

from a2a_tasks.wecom.protocol.app_messages import AppEvent, AppMessage, parse_app_message
from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery, DecryptedMessage, open_with
from a2a_tasks.wecom.protocol.deduplication import check_fresh
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason
from a2a_tasks.wecom.protocol.xml_document import cdata, parse_xml

MAX_BODY_BYTES = 256 * 1024
"""Checked before the body is parsed."""


def receive_app_message(
    keys: Sequence[CallbackKey], agent_id: str, query: CallbackQuery, body: bytes, now: int
) -> DecryptedMessage[AppMessage | AppEvent]:
    """The message of a POST to the application ``agent_id``. ``now`` is in Unix milliseconds.

    The caller must check the sender's permission, and whether the message is a duplicate. Raises
    ``CallbackRefused``.
    """
    opened = open_with(keys, query, _encrypted(body), now)
    message = parse_app_message(opened.message)
    # the envelope only names the corp, and applications of a corp could share a key
    if message.corp_id != opened.key.receive_id or message.agent_id != agent_id:
        raise CallbackRefused(RefusalReason.RECIPIENT)
    check_fresh(message.created_at, now)
    return DecryptedMessage(message, opened.key)


def verify_url(keys: Sequence[CallbackKey], query: CallbackQuery, now: int) -> DecryptedMessage[str]:
    """The response body to a GET, to be returned unchanged as ``text/plain`` within a second; for
    applications and bots. Raises ``CallbackRefused``."""
    return open_with(keys, query, query.echo, now)


def seal_app_reply(key: CallbackKey, reply: str, nonce: str, now: int, random: bytes) -> bytes:
    """The body that answers a request at once with ``reply`` (XML). ``nonce`` is ours; ``now`` is in Unix
    milliseconds, ``random`` as for ``CallbackKey.encrypt``."""
    timestamp = str(now // 1000)
    encrypted = key.encrypt(reply, random)
    return (
        f"<xml><Encrypt>{cdata(encrypted)}</Encrypt>"
        f"<MsgSignature>{cdata(key.sign(timestamp, nonce, encrypted))}</MsgSignature>"
        f"<TimeStamp>{timestamp}</TimeStamp><Nonce>{cdata(nonce)}</Nonce></xml>"
    ).encode()


def _encrypted(body: bytes) -> str:
    if len(body) > MAX_BODY_BYTES:
        raise CallbackRefused(RefusalReason.TOO_LARGE)
    encrypted = parse_xml(body).findtext("Encrypt")
    if encrypted is None:
        raise CallbackRefused(RefusalReason.MISSING_ENCRYPT)
    return encrypted
