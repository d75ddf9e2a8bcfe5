"""Responses that a bot may send, by callback. https://developer.work.weixin.qq.com/document/path/101031"""

import base64
import binascii
import hashlib
import json
from typing import Any

from local.wecom.callbacks.delivering import Answer
from local.wecom.callbacks.envelope import Envelope, Sealed, Unreadable
from local.wecom.card_rules import problem_of
from local.wecom.exchange import Frame

_CONTENT_BYTES = 20_480
_FEEDBACK_ID_BYTES = 256
_MOST_IMAGES = 10
_IMAGE_BYTES = 10 * 1024 * 1024
_STREAMS = ("stream", "stream_with_template_card")
ALLOWED = {
    "message": (*_STREAMS, "template_card"),
    "refresh": _STREAMS,
    "enter_chat": ("text", "template_card"),
    "template_card_event": ("update_template_card",),
    "feedback_event": (),
}


class WrongReply(Exception):
    """A response that WeCom would reject; the message says why."""


def open_reply(envelope: Envelope, answer: Answer) -> dict[str, Any] | None:
    """The parsed response, None for an empty one. Raises WrongReply."""
    if not answer.body:
        return None
    sealed = json_of(answer.body, "the answer")
    if sorted(sealed) != ["encrypt", "msgsignature", "nonce", "timestamp"]:
        raise WrongReply(f"the answer has the fields {sorted(sealed)}")
    if type(sealed["timestamp"]) is not int:
        raise WrongReply("the answer's timestamp is not a whole number")
    if sealed["nonce"] != answer.sealed.nonce:
        raise WrongReply("the answer's nonce is not the request's")
    timestamp = str(sealed["timestamp"])
    try:
        message = envelope.open(
            Sealed(str(sealed["encrypt"]), str(sealed["msgsignature"]), timestamp, sealed["nonce"])
        )
    except Unreadable as error:
        raise WrongReply(f"the answer cannot be opened: {error}") from error
    return json_of(message, "what was encrypted")


def kind_of(reply: dict[str, Any], request: str) -> str:
    """The kind of a reply. Raises WrongReply for one that is not accepted for such a request."""
    kind = reply.get("msgtype") or reply.get("response_type")
    if kind not in ALLOWED[request]:
        raise WrongReply(f"{kind!r} is no answer to a {request}")
    if kind not in ("stream", "text") and (problem := problem_of(reply.get("template_card"))) is not None:
        raise WrongReply(f"{kind!r} whose template_card has a wrong {problem}")
    return str(kind)


def stream_of(reply: dict[str, Any], now: int) -> tuple[str, str | None, Frame]:
    """A stream's id, feedback id and frame. Raises WrongReply."""
    stream = reply.get("stream")
    if not isinstance(stream, dict) or not isinstance(stream.get("id"), str) or not stream["id"]:
        raise WrongReply("a stream without an id")
    content, finish = stream.get("content", ""), stream.get("finish", False)
    if not isinstance(content, str) or not isinstance(finish, bool):
        raise WrongReply("a stream's content is a text, and its finish true or false")
    if len(content.encode()) > _CONTENT_BYTES:
        raise WrongReply(f"a stream's content has {len(content.encode())} bytes")
    images = stream.get("msg_item", [])
    if images and not finish:
        raise WrongReply("images before the last frame")
    if not isinstance(images, list) or len(images) > _MOST_IMAGES:
        raise WrongReply("more than ten images")
    for image in images:
        _check_image(image)
    return (
        stream["id"],
        _feedback_id(stream),
        Frame(content, finish, now, len(images), reply.get("template_card")),
    )


def json_of(text: str | bytes, name: str) -> dict[str, Any]:
    """Raises WrongReply if it is not a JSON object."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise WrongReply(f"{name} is no JSON object")
    return document


def _feedback_id(stream: dict[str, Any]) -> str | None:
    if "feedback" not in stream:
        return None
    feedback = stream["feedback"]
    feedback_id = feedback.get("id") if isinstance(feedback, dict) else None
    if not isinstance(feedback_id, str) or not 0 < len(feedback_id.encode()) <= _FEEDBACK_ID_BYTES:
        raise WrongReply("a feedback id must have 1 to 256 bytes")
    return feedback_id


def _check_image(item: Any) -> None:
    try:
        content = base64.b64decode(item["image"]["base64"], validate=True)
        is_right = hashlib.md5(content, usedforsecurity=False).hexdigest() == item["image"]["md5"]
    except (KeyError, TypeError, binascii.Error):
        raise WrongReply("an image needs base64 and md5") from None
    if not is_right or len(content) > _IMAGE_BYTES:
        raise WrongReply("an image's md5 is wrong, or it is too large")
