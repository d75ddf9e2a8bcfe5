"""What an AI bot receives, after decryption. https://developer.work.weixin.qq.com/document/path/100719"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from a2a_tasks.domain.text import json_limits
from a2a_tasks.domain.text.json_text import deserialize
from a2a_tasks.wecom.connection import API_URL
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason


@dataclass(frozen=True)
class BotOrigin:
    """Origin of a callback. ``chat_id`` is None in a direct chat.

    ``response_url`` takes one answer within an hour from anyone who knows it, so it is a secret; None if it
    is missing or does not lead to WeCom. ``created_at`` is in Unix seconds, or None if WeCom does not send
    it.
    """

    message_id: str
    bot_id: str
    user_id: str
    chat_id: str | None
    response_url: str | None = field(repr=False)
    created_at: int | None

    @property
    def is_group(self) -> bool:
        """Whether it was written in a group."""
        return self.chat_id is not None


@dataclass(frozen=True)
class BotText:
    """In a group the text begins with the bot's mention."""

    content: str


@dataclass(frozen=True)
class BotVoice:
    """A voice message's transcript by WeCom."""

    content: str


@dataclass(frozen=True)
class BotMedia:
    """``type`` is image, file or video. The content at ``url`` is encrypted and expires after five
    minutes."""

    type: str
    url: str = field(repr=False)


@dataclass(frozen=True)
class BotMixed:
    """Texts and images in their order."""

    items: tuple["BotText | BotMedia | BotUnsupported", ...]


@dataclass(frozen=True)
class BotUnsupported:
    """Content of an undocumented type or shape."""

    type: str


BotContent = BotText | BotVoice | BotMedia | BotMixed | BotUnsupported


@dataclass(frozen=True)
class BotMessage:
    """A user's message, and the message that it quotes."""

    origin: BotOrigin
    content: BotContent
    quote: BotContent | None = None


@dataclass(frozen=True)
class StreamRefresh:
    """A refresh: WeCom requests the current text of the stream with this id."""

    origin: BotOrigin
    stream_id: str


@dataclass(frozen=True)
class EnterChat:
    """A user opens the chat for the first time today."""

    origin: BotOrigin


@dataclass(frozen=True)
class CardEvent:
    """A click on a card; sent once."""

    origin: BotOrigin
    event_key: str
    task_id: str


@dataclass(frozen=True)
class FeedbackEvent:
    """Feedback on an answer: ``type`` is 1 for good, 2 for bad, 3 for withdrawn.

    ``reasons`` are WeCom's codes of the problems.
    """

    origin: BotOrigin
    feedback_id: str
    type: int
    content: str
    reasons: tuple[int, ...]


@dataclass(frozen=True)
class UnsupportedEvent:
    """An event that is not documented."""

    origin: BotOrigin
    type: str


BotCallback = BotMessage | StreamRefresh | EnterChat | CardEvent | FeedbackEvent | UnsupportedEvent


def parse_bot_message(text: str, api_url: str = API_URL) -> BotCallback:
    """Raises ``CallbackRefused`` if the text is not JSON or not a message. Response URLs must be below
    ``api_url``."""
    try:
        fields = _with_whole_characters(deserialize(text))
        json_limits.check_value(fields)
    except ValueError:
        raise CallbackRefused(RefusalReason.JSON) from None
    try:
        return _callback(fields, _origin(fields, api_url))
    except (AttributeError, KeyError, TypeError, ValueError):
        # a value of the wrong type, such as a text instead of an object
        raise CallbackRefused(RefusalReason.MESSAGE) from None


def _with_whole_characters(value: Any) -> Any:
    """Replace lone surrogates, which JSON can contain, so that a message truncated within an emoji is still
    answered. Lists and objects are changed in place to save memory."""
    match value:
        case str() if not json_limits.is_text(value):
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case list():
            for place, item in enumerate(value):
                value[place] = _with_whole_characters(item)
        case dict():
            for name, item in value.items():
                value[name] = _with_whole_characters(item)
    return value


def _origin(fields: dict[str, Any], api_url: str) -> BotOrigin:
    created_at = fields.get("create_time")
    is_group = fields.get("chattype") == "group"
    return BotOrigin(
        message_id=_text(fields["msgid"]),
        bot_id=_text(fields["aibotid"]),
        user_id=_text(fields["from"]["userid"]),
        chat_id=_text(fields["chatid"]) if is_group else None,
        # requests are sent there later, so it must lead to WeCom
        response_url=_pinned(fields.get("response_url"), api_url),
        created_at=None if created_at is None else int(created_at),
    )


def _callback(fields: dict[str, Any], origin: BotOrigin) -> BotCallback:
    match fields["msgtype"]:
        case "stream":
            return StreamRefresh(origin, _text(fields["stream"]["id"]))
        case "event":
            return _event(fields["event"], origin)
    quote = fields.get("quote")
    return BotMessage(origin, _content(fields), _content(quote) if isinstance(quote, dict) else None)


def _content(fields: dict[str, Any]) -> BotContent:
    """The content. The callback was signed, so unreadable content gets a reply instead of a refusal."""
    try:
        return _known_content(fields)
    except (AttributeError, KeyError, TypeError, ValueError):
        return BotUnsupported(str(fields.get("msgtype")))


def _known_content(fields: dict[str, Any]) -> BotContent:
    match fields["msgtype"]:
        case "mixed":
            return BotMixed(tuple(_item(item) for item in fields["mixed"]["msg_item"]))
        case "voice":
            return BotVoice(_string(fields["voice"]["content"]))
    return _item(fields)


def _item(fields: dict[str, Any]) -> BotText | BotMedia | BotUnsupported:
    match fields["msgtype"]:
        case "text":
            return BotText(_string(fields["text"]["content"]))
        case "image" | "file" | "video" as kind:
            return BotMedia(kind, _text(fields[kind]["url"]))
        case kind:
            return BotUnsupported(_text(kind))


def _event(event: dict[str, Any], origin: BotOrigin) -> BotCallback:
    match event["eventtype"]:
        case "enter_chat":
            return EnterChat(origin)
        case "template_card_event":
            click = event["template_card_event"]
            return CardEvent(origin, *(_string(click.get(name, "")) for name in ("event_key", "task_id")))
        case "feedback_event":
            opinion = event["feedback_event"]
            reasons = tuple(int(reason) for reason in opinion.get("inaccurate_reason_list") or ())
            feedback_id, content = _text(opinion["id"]), _string(opinion.get("content") or "")
            return FeedbackEvent(origin, feedback_id, int(opinion["type"]), content, reasons)
        case kind:
            return UnsupportedEvent(origin, _text(kind))


def _pinned(url: Any, api_url: str) -> str | None:
    if not isinstance(url, str):
        return None
    parts, wanted = urlsplit(url), urlsplit(api_url)
    return url if (parts.scheme, parts.netloc) == (wanted.scheme, wanted.netloc) else None


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not (text := _string(value)):
        raise ValueError
    return text
