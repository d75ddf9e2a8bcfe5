"""The people who write to a self-built application. https://developer.work.weixin.qq.com/document/path/90238"""

import secrets
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

from local.wecom.callbacks.delivering import Answer, Manner, Sender, Target
from local.wecom.callbacks.envelope import Envelope, Sealed, Unreadable
from local.wecom.clock import Clock
from local.wecom.errors import ControlError
from local.wecom.exchange import Exchange, Outcome
from local.wecom.json_body import cut
from local.wecom.record import Delivery
from local.wecom.settings import App
from local.wecom.state import State

_TEXT_BYTES = 2_048
_CARD_EVENTS = ("template_card_event", "template_card_menu_event")


class WrongAppReply(Exception):
    """A response that WeCom would reject; the message says why."""


class AppSide:
    """Starts exchanges, each a task of its own."""

    def __init__(self, state: State, clock: Clock, sender: Sender) -> None:
        self._state = state
        self._clock = clock
        self._sender = sender

    def send(self, user: str, fields: dict[str, Any], manner: Manner) -> Exchange:
        """A message or an event, by its elements besides those common to all. Raises ControlError."""
        app = self._state.settings.app
        if not app.callback_url:
            raise ControlError(400, "the application has no callback_url yet")
        now = self._clock.now()
        is_event = fields.get("MsgType") == "event"
        message_id = "" if is_event else str(secrets.randbits(63))
        kind = f"app {fields.get('Event') if is_event else 'message'}"
        exchange = Exchange(secrets.token_hex(8), kind, user, user, message_id, now)
        elements = {"ToUserName": app.corp_id, "FromUserName": user, "CreateTime": now // 1000, **fields}
        if message_id:
            elements["MsgId"] = message_id
        document = xml_of("xml", elements | {"AgentID": app.agent_id})
        work = self._run(exchange, document, manner)
        self._state.exchanges.start(exchange, work, self._state.record)
        return exchange

    async def _run(self, exchange: Exchange, document: str, manner: Manner) -> None:
        settings, record = self._state.settings, self._state.record
        envelope = envelope_of(settings.app)
        wrap = _Wrap(settings.app)
        target = Target(settings.app.callback_url, envelope, wrap, "text/xml", settings.answer_seconds)
        answers = await self._sender.deliver(
            target, document, settings.max_deliveries, manner, exchange.attempts
        )
        now = self._clock.now()
        if not answers:
            exchange.end(Outcome.UNANSWERED, now)
            return
        try:
            shown = [_shown(envelope, answer, exchange, settings.app) for answer in answers]
        except WrongAppReply as wrong:
            record.violate(f"application, {exchange.kind}", str(wrong))
            exchange.end(Outcome.WRONG, now)
            return
        if (reply := shown[0]) is None:
            exchange.end(Outcome.EMPTY, now)
            return
        exchange.reply = {child.tag: child.text for child in reply}
        kind = exchange.reply["MsgType"] or ""
        content = reply.findtext("Button/ReplaceName") or reply.findtext("Content") or ""
        text, was_cut = cut(content, _TEXT_BYTES)
        record.deliveries.append(Delivery(exchange.user, "reply", kind, text, now, was_cut))
        exchange.end(Outcome.DONE, now)


class _Wrap:
    """The XML around the encrypted content."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, sealed: Sealed) -> bytes:
        elements = {"ToUserName": self._app.corp_id, "AgentID": self._app.agent_id, "Encrypt": sealed.encrypt}
        return xml_of("xml", elements).encode()


def envelope_of(app: App) -> Envelope:
    return Envelope(app.token, app.encoding_aes_key, app.corp_id)


def xml_of(tag: str, value: Any) -> str:
    """XML as WeCom writes it: strings in CDATA, numbers bare; a list repeats its element."""
    if isinstance(value, list):
        return "".join(xml_of(tag, item) for item in value)
    if isinstance(value, dict):
        return f"<{tag}>{''.join(xml_of(name, inner) for name, inner in value.items())}</{tag}>"
    if isinstance(value, int):
        return f"<{tag}>{value}</{tag}>"
    escaped = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{tag}><![CDATA[{escaped}]]></{tag}>"


def _shown(envelope: Envelope, answer: Answer, exchange: Exchange, app: App) -> Element | None:
    if not answer.body:
        return None
    outer = _xml(answer.body, "the answer")
    names = ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
    encrypt, signature, timestamp, nonce = (outer.findtext(name) or "" for name in names)
    try:
        reply = _xml(envelope.open(Sealed(encrypt, signature, timestamp, nonce)), "what was encrypted")
    except Unreadable as error:
        raise WrongAppReply(f"the answer cannot be opened: {error}") from error
    if (reply.findtext("ToUserName"), reply.findtext("FromUserName")) != (exchange.user, app.corp_id):
        raise WrongAppReply("the answer goes to or comes from somebody else")
    if not (reply.findtext("CreateTime") or "").isdecimal():
        raise WrongAppReply("the answer has no CreateTime")
    match reply.findtext("MsgType"):
        case "text" if reply.findtext("Content"):
            return reply
        case "update_button" if exchange.kind.removeprefix("app ").lower() in _CARD_EVENTS:
            if reply.findtext("Button/ReplaceName"):
                return reply
    raise WrongAppReply(f"{reply.findtext('MsgType')!r} is no answer to it, or it is empty")


def _xml(text: str | bytes, name: str) -> Element:
    try:
        return fromstring(text)  # noqa: S314  it comes from the system under test
    except ParseError as error:
        raise WrongAppReply(f"{name} is no XML: {error}") from error
