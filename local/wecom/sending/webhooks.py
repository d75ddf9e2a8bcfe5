"""Group robots. https://developer.work.weixin.qq.com/document/path/99110"""

import base64
import binascii
import hashlib
from typing import Any

from local.wecom import errors
from local.wecom.card_rules import problem_of
from local.wecom.errors import WeComError
from local.wecom.json_body import at_most, filled, json_object, section
from local.wecom.record import Delivery, Record
from local.wecom.sending.media import Media
from local.wecom.sending.windows import Windows
from local.wecom.settings import Settings

_TEXT_BYTES = 2_048
_MARKDOWN_BYTES = 4_096
_IMAGE_BYTES = 2 * 1024 * 1024
_MOST_ARTICLES = 8


class Webhooks:
    """`webhook/send`. Times are Unix milliseconds; messages are recorded under the robot's key."""

    def __init__(self, settings: Settings, record: Record, media: Media) -> None:
        self._settings = settings
        self._record = record
        self._media = media
        self._tried = Windows()

    def check_key(self, key: str) -> None:
        """Raises WeComError for an unknown robot."""
        if key not in self._settings.webhook_keys:
            raise WeComError(errors.BAD_WEBHOOK, "invalid webhook url")

    def send(self, key: str, body: bytes, now: int) -> dict[str, Any]:
        """The response. Raises WeComError; failed calls also count towards the limit."""
        self.check_key(key)
        if self._tried.count(key, now, 60) >= self._settings.webhook_messages_a_minute:
            raise WeComError(errors.TOO_OFTEN, "api freq out of limit")
        self._tried.add(key, now)
        message = json_object(body)
        text = self._check(message, key, now)
        self._record.deliveries.append(
            Delivery(key, "webhook/send", message["msgtype"], text, now, message=message)
        )
        return {}

    def _check(self, message: dict[str, Any], key: str, now: int) -> str:
        kind = message.get("msgtype")
        part = section(message, str(kind))
        match kind:
            case "text":
                return at_most(filled(part, "content"), _TEXT_BYTES, errors.BAD_PARAMETER, "text.content")
            case "markdown" | "markdown_v2":
                content = filled(part, "content")
                return at_most(content, _MARKDOWN_BYTES, errors.BAD_PARAMETER, f"{kind}.content")
            case "image":
                _check_image(part)
                return ""
            case "news":
                articles = part.get("articles")
                if not isinstance(articles, list) or not 1 <= len(articles) <= _MOST_ARTICLES:
                    raise WeComError(errors.BAD_PARAMETER, "news.articles must be 1 to 8")
                return "\n".join(filled(article, "title") for article in articles)
            case "file" | "voice":
                return self._media.find(part.get("media_id"), str(kind), key, now).filename
            case "template_card":
                if (problem := problem_of(part)) is not None:
                    raise WeComError(errors.BAD_PARAMETER, f"template_card.{problem} invalid")
                return str(section(part, "main_title").get("title", ""))
        raise WeComError(errors.BAD_MSGTYPE, "invalid message type")


def _check_image(part: dict[str, Any]) -> None:
    try:
        image = base64.b64decode(filled(part, "base64"), validate=True)
    except binascii.Error:
        raise WeComError(errors.BAD_PARAMETER, "image.base64 is not base64") from None
    if len(image) > _IMAGE_BYTES:
        raise WeComError(errors.FILE_TOO_LARGE, "image size out of limit")
    if hashlib.md5(image, usedforsecurity=False).hexdigest() != part.get("md5"):
        raise WeComError(errors.BAD_MD5, "image.md5 does not match")
