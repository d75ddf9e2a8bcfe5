"""URLs at which a bot may answer later, once and within an hour.

https://developer.work.weixin.qq.com/document/path/101138
"""

import secrets
from dataclasses import dataclass
from typing import Any

from local.wecom import errors
from local.wecom.card_rules import problem_of
from local.wecom.errors import WeComError
from local.wecom.json_body import at_most, filled, json_object, section
from local.wecom.record import Delivery, Record

_VALID_MS = 3_600_000
_MARKDOWN_BYTES = 20_480


@dataclass(slots=True)
class _Code:
    chat: str
    is_group: bool
    issued_at: int
    is_used: bool = False


class ResponseUrls:
    """The issued codes; times are Unix milliseconds.

    WeCom's error for a code that is used or expired is not documented; here it is BAD_PARAMETER.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._codes: dict[str, _Code] = {}

    def issue(self, chat: str, now: int, *, is_group: bool) -> str:
        """Issue a code for an answer in that chat."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Code(chat, is_group, now)
        return code

    def answer(self, code: str, body: bytes, now: int) -> dict[str, Any]:
        """Deliver an answer. Raises WeComError."""
        issued = self._codes.get(code)
        if issued is None:
            raise WeComError(errors.BAD_PARAMETER, "invalid response_code")
        if issued.is_used:
            self._record.violate(issued.chat, "a response_url was used twice")
            raise WeComError(errors.BAD_PARAMETER, "response_code was used")
        if now >= issued.issued_at + _VALID_MS:
            self._record.violate(issued.chat, "a response_url was used after an hour")
            raise WeComError(errors.BAD_PARAMETER, "response_code expired")
        try:
            message = json_object(body)
            text = _check(message, is_group=issued.is_group)
        except WeComError as error:
            self._record.violate(issued.chat, f"what was posted to a response_url is wrong: {error.message}")
            raise
        issued.is_used = True
        self._record.deliveries.append(
            Delivery(issued.chat, "aibot/response", message["msgtype"], text, now, message=message)
        )
        return {}


def _check(message: dict[str, Any], *, is_group: bool) -> str:
    if "encrypt" in message:
        raise WeComError(errors.BAD_PARAMETER, "the body must not be encrypted")
    match message.get("msgtype"):
        case "markdown":
            content = filled(section(message, "markdown"), "content")
            return at_most(content, _MARKDOWN_BYTES, errors.BAD_PARAMETER, "markdown.content")
        case "template_card":
            card = section(message, "template_card")
            if is_group:
                raise WeComError(errors.BAD_MSGTYPE, "in a group no template_card is taken")
            if (problem := problem_of(card)) is not None:
                raise WeComError(errors.BAD_PARAMETER, f"template_card.{problem} invalid")
            return str(section(card, "main_title").get("title", ""))
    raise WeComError(errors.BAD_MSGTYPE, "only markdown and template_card are taken")
