"""What a self-built application receives, after decryption. https://developer.work.weixin.qq.com/document/path/90239"""

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason
from a2a_tasks.wecom.protocol.xml_document import parse_xml

_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class AppText:
    """A text message."""

    content: str


@dataclass(frozen=True)
class AppImage:
    """A picture. ``media_id`` is what ``media/get`` takes, for three days."""

    media_id: str


@dataclass(frozen=True)
class AppFile:
    """Not in WeCom's documentation, but of the same form as an image where a client sends one."""

    media_id: str


@dataclass(frozen=True)
class AppVoice:
    """A recording, which comes without a transcript."""


@dataclass(frozen=True)
class AppLocation:
    """``latitude`` and ``longitude`` are in degrees, as WeCom writes them."""

    latitude: str
    longitude: str
    label: str


@dataclass(frozen=True)
class AppLink:
    """A shared link."""

    title: str
    description: str
    url: str


@dataclass(frozen=True)
class AppUnsupported:
    """A video, or a message of a type that is not documented."""

    type: str


Content = AppText | AppImage | AppFile | AppVoice | AppLocation | AppLink | AppUnsupported


@dataclass(frozen=True)
class AppMessage:
    """A user's message. ``created_at`` is in Unix seconds; ``message_id`` consists of digits."""

    corp_id: str
    agent_id: str
    user_id: str
    created_at: int
    message_id: str
    content: Content


@dataclass(frozen=True)
class CardClick:
    """A click on a card. ``response_code`` allows one change of the card within 72 hours, so it is a secret
    until then."""

    task_id: str
    response_code: str = field(repr=False)


@dataclass(frozen=True)
class AppEvent:
    """An event. ``event`` is in lower case, because WeCom's own case varies.

    Events have no message id. ``created_at`` is in Unix seconds; only events of cards have a ``click``.
    """

    corp_id: str
    agent_id: str
    user_id: str
    created_at: int
    event: str
    event_key: str
    click: CardClick | None = None


def parse_app_message(text: str) -> AppMessage | AppEvent:
    """Raises ``CallbackRefused`` if the text is not XML or not a message."""
    root = parse_xml(text.encode())
    sender = (_required(root, "ToUserName"), _text(root, "AgentID"), _required(root, "FromUserName"))
    created = _required(root, "CreateTime")
    if not _SECONDS.fullmatch(created):
        raise CallbackRefused(RefusalReason.MESSAGE)
    kind = _required(root, "MsgType").lower()
    if kind == "event":
        event = _required(root, "Event").lower()
        return AppEvent(*sender, int(created), event, _text(root, "EventKey"), _click(root, event))
    return AppMessage(*sender, int(created), _required(root, "MsgId"), _content(root, kind))


def _content(root: Element, kind: str) -> Content:
    match kind:
        case "text":
            return AppText(_text(root, "Content"))
        case "image":
            return AppImage(_text(root, "MediaId"))
        case "file" if media_id := _text(root, "MediaId"):
            return AppFile(media_id)
        case "voice":
            return AppVoice()
        case "location":
            place = (_text(root, name) for name in ("Location_X", "Location_Y", "Label"))
            return AppLocation(*place)
        case "link":
            return AppLink(*(_text(root, name) for name in ("Title", "Description", "Url")))
    return AppUnsupported(kind)


def _click(root: Element, event: str) -> CardClick | None:
    if event not in ("template_card_event", "template_card_menu_event"):
        return None
    return CardClick(_text(root, "TaskId"), _text(root, "ResponseCode"))


def _text(root: Element, name: str) -> str:
    return root.findtext(name) or ""


def _required(root: Element, name: str) -> str:
    if not (text := _text(root, name)):
        raise CallbackRefused(RefusalReason.MESSAGE)
    return text
