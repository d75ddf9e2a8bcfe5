"""Replies of a bot. https://developer.work.weixin.qq.com/document/path/101031"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from a2a_tasks.wecom.protocol.cards import Card
from a2a_tasks.wecom.protocol.text import fit

CONTENT_BYTES = 20_480
FEEDBACK_ID_BYTES = 256
MAX_IMAGES = 10
MAX_IMAGE_BYTES = 10 * 1024 * 1024
IMAGE_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""Signatures of JPEG and PNG, the only formats that WeCom's clients show."""


def stream_frame(
    stream_id: str,
    content: str,
    finish: bool,
    feedback_id: str | None = None,
    images: Sequence[bytes] = (),
    card: Card | None = None,
) -> dict[str, Any]:
    """The whole text so far (Markdown), cut to what WeCom takes.

    ``images`` are JPEG or PNG, only in the last frame; feedback refers to ``feedback_id``. Raises
    ``ValueError`` for what WeCom would refuse.
    """
    stream: dict[str, Any] = {"id": stream_id, "finish": finish, "content": fit(content, CONTENT_BYTES)}
    if feedback_id is not None:
        if not 0 < len(feedback_id.encode()) <= FEEDBACK_ID_BYTES:
            raise ValueError(f"a feedback id has 1 to {FEEDBACK_ID_BYTES} bytes")
        stream["feedback"] = {"id": feedback_id}
    if images:
        if not finish:
            raise ValueError("images may come with the last frame alone")
        if len(images) > MAX_IMAGES or any(len(image) > MAX_IMAGE_BYTES for image in images):
            raise ValueError(f"a stream may have {MAX_IMAGES} images of {MAX_IMAGE_BYTES} bytes each")
        stream["msg_item"] = [_image(image) for image in images]
    if card is None:
        return {"msgtype": "stream", "stream": stream}
    return {"msgtype": "stream_with_template_card", "stream": stream, "template_card": card.to_json()}


def welcome_text(content: str) -> dict[str, Any]:
    """A text for a user who enters the chat, the only event that a bot may answer with a text."""
    return {"msgtype": "text", "text": {"content": fit(content, CONTENT_BYTES)}}


def update_card(template_card: dict[str, Any], user_ids: Sequence[str] = ()) -> dict[str, Any]:
    """The card that replaces the clicked one, for these users, or for all if none are given."""
    reply = {"response_type": "update_template_card", "template_card": template_card}
    return reply | {"userids": list(user_ids)} if user_ids else reply


def response_url_markdown(content: str) -> dict[str, Any]:
    """The body for a ``response_url``, sent unencrypted and once."""
    return {"msgtype": "markdown", "markdown": {"content": fit(content, CONTENT_BYTES)}}


def _image(image: bytes) -> dict[str, Any]:
    digest = hashlib.md5(image, usedforsecurity=False).hexdigest()
    return {"msgtype": "image", "image": {"base64": base64.b64encode(image).decode(), "md5": digest}}
