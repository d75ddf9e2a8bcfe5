"""Users who write to an AI bot: WeCom's callbacks to the bot, and the bot's answers to the users.

https://developer.work.weixin.qq.com/document/path/101039
"""

import json
import secrets
from typing import Any

from local.wecom.callbacks.bot_content import content_json
from local.wecom.callbacks.bot_reply import WrongReply, kind_of, open_reply, stream_of
from local.wecom.callbacks.delivering import Answer, Manner, Sender, Target
from local.wecom.callbacks.envelope import Envelope, Sealed
from local.wecom.clock import Clock
from local.wecom.errors import ControlError
from local.wecom.exchange import Exchange, Outcome
from local.wecom.record import Delivery
from local.wecom.state import State

_DAY_MS = 86_400_000
_CHINA_MS = 8 * 3_600_000


class BotSide:
    """Starts exchanges, each a task of its own. `base_url` is the double's, for the URLs in callbacks."""

    def __init__(self, state: State, clock: Clock, sender: Sender, base_url: str) -> None:
        self._state = state
        self._clock = clock
        self._sender = sender
        self._base_url = base_url

    def say(
        self, user: str, chat_id: str, content: dict[str, Any], quote: dict[str, Any] | None, manner: Manner
    ) -> Exchange:
        """A message to the bot; in a group if `chat_id` is not empty. Raises ControlError."""
        mention = f"@{self._state.settings.bot.name} " if chat_id else ""
        fields = content_json(content, mention, self._keep)
        if quote is not None:
            fields["quote"] = content_json(quote, "", self._keep)
        is_busy = self._state.exchanges.open_messages(user) >= self._state.settings.exchanges_at_once
        exchange = self._begin("message", user, chat_id)
        if is_busy:
            exchange.end(Outcome.NOT_SENT, self._clock.now())
            return exchange
        return self._start(exchange, fields, manner)

    def enter(self, user: str, manner: Manner) -> Exchange:
        """A user opens the conversation; the bot gets a callback only the first time in a day."""
        exchange = self._begin("enter_chat", user, "")
        day = (user, (self._clock.now() + _CHINA_MS) // _DAY_MS)
        if day in self._state.welcomed:
            exchange.end(Outcome.NOT_SENT, self._clock.now())
            return exchange
        self._state.welcomed.add(day)
        return self._start(exchange, self._event(exchange, {}), manner)

    def click(self, user: str, chat_id: str, click: dict[str, Any]) -> Exchange:
        """A click on a card: `card_type`, `event_key`, `task_id`, `selected_items`?. Sent once."""
        exchange = self._begin("template_card_event", user, chat_id)
        exchange.clicked = str(click.get("task_id"))
        return self._start(exchange, self._event(exchange, click), Manner())

    def rate(self, answered: Exchange, opinion: dict[str, Any]) -> Exchange:
        """Feedback on an answer: `type`, `content`?, `inaccurate_reason_list`?. Raises ControlError."""
        if answered.feedback_id is None:
            raise ControlError(400, "the stream of this exchange has no feedback id")
        chat_id = answered.chat if answered.chat != answered.user else ""
        exchange = self._begin("feedback_event", answered.user, chat_id)
        return self._start(exchange, self._event(exchange, {"id": answered.feedback_id} | opinion), Manner())

    def _begin(self, kind: str, user: str, chat_id: str) -> Exchange:
        if not self._state.settings.bot.callback_url:
            raise ControlError(400, "the bot has no callback_url yet")
        exchange = Exchange(
            id=secrets.token_hex(8),
            kind=kind,
            user=user,
            chat=chat_id or user,
            message_id=secrets.token_urlsafe(24),
            started_at=self._clock.now(),
        )
        self._state.exchanges.add(exchange)
        return exchange

    def _start(self, exchange: Exchange, fields: dict[str, Any], manner: Manner) -> Exchange:
        is_group = exchange.chat != exchange.user
        code = self._state.response_urls.issue(exchange.chat, self._clock.now(), is_group=is_group)
        exchange.response_url = f"{self._base_url}/cgi-bin/aibot/response?response_code={code}"
        message = self._common(exchange) | {"response_url": exchange.response_url} | fields
        work = self._run(_Conversation(self._state, exchange), message, manner)
        self._state.exchanges.start(exchange, work, self._state.record)
        return exchange

    async def _run(self, talk: "_Conversation", message: dict[str, Any], manner: Manner) -> None:
        exchange = talk.exchange
        times = 1 if exchange.kind == "template_card_event" else self._state.settings.max_deliveries
        answers = await self._sender.deliver(
            talk.target, json.dumps(message, ensure_ascii=False), times, manner, exchange.attempts
        )
        if talk.take_all(answers, self._clock.now()):
            await self._refresh(talk)

    async def _refresh(self, talk: "_Conversation") -> None:
        exchange, settings = talk.exchange, self._state.settings
        deadline = exchange.started_at + round(settings.stream_seconds * 1000)
        while exchange.outcome == Outcome.OPEN:
            await self._clock.sleep(settings.refresh_seconds)
            if self._clock.now() >= deadline:
                exchange.end(Outcome.TIMED_OUT, self._clock.now())
                return
            refresh = self._common(exchange) | {
                "msgid": secrets.token_urlsafe(24),
                "msgtype": "stream",
                "stream": {"id": exchange.stream_ids[0]},
            }
            answers = await self._sender.deliver(
                talk.target, json.dumps(refresh), 1, Manner(), exchange.refreshes
            )
            for answer in answers:
                talk.take_refresh(answer, self._clock.now())

    def _common(self, exchange: Exchange) -> dict[str, Any]:
        group = {"chatid": exchange.chat} if exchange.chat != exchange.user else {}
        return {
            "msgid": exchange.message_id,
            "aibotid": self._state.settings.bot.bot_id,
            "chattype": "group" if group else "single",
            "from": {"userid": exchange.user},
        } | group

    def _event(self, exchange: Exchange, details: dict[str, Any]) -> dict[str, Any]:
        event: dict[str, Any] = {"eventtype": exchange.kind}
        if details:
            event[exchange.kind] = details
        return {"msgtype": "event", "create_time": exchange.started_at // 1000, "event": event}

    def _keep(self, content: bytes) -> str:
        envelope = _envelope(self._state)
        return self._base_url + self._state.media.send(envelope.encrypt_file(content), self._clock.now())


class _Conversation:
    """Applies the responses to an exchange."""

    def __init__(self, state: State, exchange: Exchange) -> None:
        bot = state.settings.bot
        self._record = state.record
        self._envelope = _envelope(state)
        self.exchange = exchange
        seconds = state.settings.answer_seconds
        self.target = Target(bot.callback_url, self._envelope, _wrap, "application/json", seconds)

    def take_all(self, answers: list[Answer], now: int) -> bool:
        """Apply the responses to the message, several if it was delivered several times; WeCom shows the
        first. Returns whether a stream has begun that continues."""
        if not answers:
            self.exchange.end(Outcome.UNANSWERED, now)
            return False
        try:
            first, *others = [open_reply(self._envelope, answer) for answer in answers]
            for other in others:
                if other is not None and "stream" in other:
                    stream_id, _, _ = stream_of(other, now)
                    self.exchange.stream_ids.append(stream_id)
            self._take(first, now)
        except WrongReply as wrong:
            self._blame(wrong, now)
        return self.exchange.outcome == Outcome.OPEN

    def take_refresh(self, answer: Answer, now: int) -> None:
        """Apply the response to a refresh."""
        try:
            reply = open_reply(self._envelope, answer)
            if reply is None:
                raise WrongReply("a refresh was answered by nothing")
            kind_of(reply, "refresh")
            self._show(reply, now)
        except WrongReply as wrong:
            self._blame(wrong, now)

    def _take(self, reply: dict[str, Any] | None, now: int) -> None:
        self.exchange.reply = reply
        if reply is None:
            self.exchange.end(Outcome.EMPTY, now)
            return
        kind = kind_of(reply, self.exchange.kind)
        if kind == "update_template_card" and reply["template_card"].get("task_id") != self.exchange.clicked:
            raise WrongReply("the card that is updated is not the one that was clicked")
        if kind.startswith("stream"):
            self._show(reply, now)
            return
        via = kind if kind == "update_template_card" else "reply"
        text = str(reply["text"]["content"]) if kind == "text" else ""
        self._record.deliveries.append(Delivery(self.exchange.chat, via, kind, text, now, message=reply))
        self.exchange.end(Outcome.DONE, now)

    def _show(self, reply: dict[str, Any], now: int) -> None:
        exchange = self.exchange
        stream_id, feedback_id, frame = stream_of(reply, now)
        if exchange.frames and stream_id != exchange.stream_ids[0]:
            raise WrongReply(f"the stream {exchange.stream_ids[0]} goes on as {stream_id}")
        if not exchange.frames:
            exchange.stream_ids.insert(0, stream_id)
        if frame.card and exchange.card:
            raise WrongReply("a second card with one stream")
        exchange.feedback_id = feedback_id or exchange.feedback_id
        exchange.frames.append(frame)
        if frame.finish:
            self._record.deliveries.append(
                Delivery(exchange.chat, "stream", "stream", frame.content, now, message=reply)
            )
            exchange.end(Outcome.DONE, now)

    def _blame(self, wrong: WrongReply, now: int) -> None:
        self._record.violate(f"bot, {self.exchange.kind}", str(wrong))
        self.exchange.end(Outcome.WRONG, now)


def _envelope(state: State) -> Envelope:
    bot = state.settings.bot
    return Envelope(bot.token, bot.encoding_aes_key, "")


def _wrap(sealed: Sealed) -> bytes:
    return json.dumps({"encrypt": sealed.encrypt}).encode()
