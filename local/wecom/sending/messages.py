"""Messages that an application sends. https://developer.work.weixin.qq.com/document/path/90236"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from local.wecom import errors
from local.wecom.errors import WeComError
from local.wecom.json_body import at_most, cut, filled, raw_json_object, section
from local.wecom.record import Delivery, Record
from local.wecom.sending.cards import Cards
from local.wecom.sending.media import Media
from local.wecom.sending.windows import Windows
from local.wecom.settings import Settings

_TEXT_BYTES = 2_048
_TITLE_BYTES = 128
_DESCRIPTION_BYTES = 512
_MOST_USERS = 1_000
_DUPLICATE_SECONDS = 1_800
_LONGEST_DUPLICATE_SECONDS = 14_400
_MEDIA_TYPES = ("image", "voice", "video", "file")


@dataclass(frozen=True, slots=True)
class _Shown:
    text: str
    was_truncated: bool = False


class Messages:
    """`message/send` and `message/update_template_card`. Times are Unix milliseconds."""

    def __init__(self, settings: Settings, record: Record, media: Media, cards: Cards) -> None:
        self._settings = settings
        self._record = record
        self._media = media
        self._cards = cards
        self._sent = Windows()
        self._duplicates: dict[str, int] = {}

    def send(self, body: bytes, now: int) -> dict[str, Any]:
        """The response. Raises WeComError; unknown users are only listed in the response."""
        message = raw_json_object(body)
        if message.get("agentid") != self._settings.app.agent_id:
            raise WeComError(errors.BAD_AGENTID, "invalid agentid")
        users, answer = self._recipients(message.get("touser"))
        if self._is_duplicate(message, body, now):
            return answer | {"msgid": secrets.token_urlsafe(16)}
        shown = self._check(message, now)
        for user in users:
            self._deliver(user, message, shown, now)
        answer["msgid"] = secrets.token_urlsafe(16)
        if message["msgtype"] == "template_card":
            answer["response_code"] = self._cards.issue_code(now)
        return answer

    def update_card(self, body: bytes, now: int) -> dict[str, Any]:
        """The response. Raises WeComError."""
        update = raw_json_object(body)
        if update.get("agentid") != self._settings.app.agent_id:
            raise WeComError(errors.BAD_AGENTID, "invalid agentid")
        button, card = section(update, "button"), section(update, "template_card")
        text = filled(button, "replace_name") if button else _readable(card)
        self._cards.use_code(update.get("response_code"), now)
        users = update.get("userids") or (self._settings.members if update.get("atall") else ())
        for user in users:
            self._record.deliveries.append(
                Delivery(user, "update_template_card", "template_card", text, now, message=button or card)
            )
        return {"invaliduser": []}

    def _recipients(self, touser: Any) -> tuple[list[str], dict[str, Any]]:
        names = touser.split("|") if isinstance(touser, str) and touser else []
        if names == ["@all"]:
            names = list(self._settings.members)
        if len(names) > _MOST_USERS:
            raise WeComError(errors.BAD_PARAMETER, "touser has more than 1000 users")
        members = {member.lower(): member for member in self._settings.members}
        unlicensed = {name.lower() for name in self._settings.unlicensed}
        invalid = [name for name in names if name.lower() not in members]
        without = [name for name in names if name.lower() in members and name.lower() in unlicensed]
        users = [members[name.lower()] for name in names if name not in invalid and name not in without]
        if not users:
            raise WeComError(errors.NO_RECIPIENT, "user & party & tag all invalid")
        answer = {"invaliduser": "|".join(invalid), "unlicenseduser": "|".join(without)}
        return list(dict.fromkeys(users)), {name: value for name, value in answer.items() if value}

    def _is_duplicate(self, message: dict[str, Any], body: bytes, now: int) -> bool:
        if message.get("enable_duplicate_check") != 1:
            return False
        seconds = message.get("duplicate_check_interval", _DUPLICATE_SECONDS)
        if not isinstance(seconds, int) or not 0 < seconds <= _LONGEST_DUPLICATE_SECONDS:
            raise WeComError(errors.BAD_PARAMETER, "invalid duplicate_check_interval")
        digest = hashlib.sha256(body).hexdigest()
        last = self._duplicates.get(digest)
        if last is not None and now < last + seconds * 1000:
            return True
        self._duplicates[digest] = now
        return False

    def _check(self, message: dict[str, Any], now: int) -> _Shown:
        kind = message.get("msgtype")
        part = section(message, str(kind))
        match kind:
            case "text":
                return _Shown(*cut(filled(part, "content"), _TEXT_BYTES))
            case "markdown":
                content = filled(part, "content")
                return _Shown(at_most(content, _TEXT_BYTES, errors.TOO_LONG, "markdown.content"))
            case "textcard":
                title, was_cut = cut(filled(part, "title"), _TITLE_BYTES)
                description, was_cut_too = cut(filled(part, "description"), _DESCRIPTION_BYTES)
                return _Shown(f"{title}\n{description}\n{filled(part, 'url')}", was_cut or was_cut_too)
            case "template_card":
                self._cards.check(part)
                return _Shown(_readable(part))
            case "image" | "voice" | "video" | "file":
                upload = self._media.find(part.get("media_id"), str(kind), "app", now)
                return _Shown(upload.filename)
        raise WeComError(errors.BAD_MSGTYPE, "invalid message type")

    def _deliver(self, user: str, message: dict[str, Any], shown: _Shown, now: int) -> None:
        delivery = Delivery(
            user, "message/send", message["msgtype"], shown.text, now, shown.was_truncated, message
        )
        in_a_minute = self._sent.count(user, now, 60)
        in_an_hour = self._sent.count(user, now, 3_600)
        if (
            in_a_minute >= self._settings.member_messages_a_minute
            or in_an_hour >= self._settings.member_messages_an_hour
        ):
            self._record.dropped.append(delivery)
            return
        self._sent.add(user, now)
        self._record.deliveries.append(delivery)


def _readable(card: dict[str, Any]) -> str:
    title = section(card, "main_title")
    return "\n".join(str(title[name]) for name in ("title", "desc") if title.get(name))
