"""The double's own routes, under `/_wecom/`: its records, people's actions, and its configuration."""

import base64
from dataclasses import asdict
from typing import Any

from local.doubles.connection import HttpRequest
from local.wecom.callbacks.app import AppSide, envelope_of
from local.wecom.callbacks.bot import BotSide
from local.wecom.callbacks.delivering import Manner, Sender
from local.wecom.callbacks.envelope import Envelope
from local.wecom.callbacks.verification import verify_url
from local.wecom.clock import Clock, MovableClock
from local.wecom.errors import ControlError, WeComError
from local.wecom.faults import Fault, Kind
from local.wecom.json_body import json_object
from local.wecom.settings import Settings
from local.wecom.state import State

CONTROL_PREFIX = "/_wecom/"
_DONE = {"status": "ok"}


class Control:
    """Responses for one double."""

    def __init__(self, state: State, clock: Clock, sender: Sender, bot: BotSide, app: AppSide) -> None:
        self._state = state
        self._clock = clock
        self._sender = sender
        self._bot = bot
        self._app = app

    async def answer(self, http: HttpRequest) -> dict[str, Any]:
        """The JSON response. Raises ControlError."""
        path = http.path.removeprefix(CONTROL_PREFIX).split("/")
        if http.method == "GET":
            return await self._show(path, http)
        try:
            return await self._do(path, json_object(http.body or b"{}"))
        except (KeyError, TypeError, ValueError, WeComError) as error:
            raise ControlError(400, repr(error)) from error

    async def _show(self, path: list[str], http: HttpRequest) -> dict[str, Any]:
        match path:
            case ["health"]:
                return {"status": "ok", "service": "double of WeCom"}
            case ["record"]:
                return self._state.record.to_json()
            case ["settings"]:
                return asdict(self._state.settings)
            case ["exchanges"]:
                return {"exchanges": [exchange.to_json() for exchange in self._state.exchanges.all()]}
            case ["exchanges", exchange_id]:
                seconds = float(http.query.get("wait", "0"))
                return (await self._state.exchanges.ended(exchange_id, seconds)).to_json()
            case ["uploads", media_id] if (upload := self._state.media.uploads.get(media_id)) is not None:
                return asdict(upload) | {"content": base64.b64encode(upload.content).decode()}
        raise _not_found(path)

    async def _do(self, path: list[str], body: dict[str, Any]) -> dict[str, Any]:
        match path:
            case ["settings"]:
                self._state.renew(Settings.from_json(body))
                return _DONE
            case ["reset"]:
                self._state.renew(self._state.settings)
                return _DONE
            case ["faults"]:
                times, endpoint = int(body.pop("times", 1)), str(body.pop("endpoint"))
                fault = Fault(**body | {"kind": Kind(body["kind"])})
                self._state.faults.plan(endpoint, fault, times)
                return _DONE
            case ["tokens", "revoke"]:
                self._state.tokens.revoke()
                return _DONE
            case ["clock", "advance"] if isinstance(self._clock, MovableClock):
                self._clock.advance(float(body["seconds"]))
                return _DONE
            case ["bot", *action]:
                return await self._bot_action(action, body)
            case ["app", *action]:
                return await self._app_action(action, body)
        raise _not_found(path)

    async def _bot_action(self, action: list[str], body: dict[str, Any]) -> dict[str, Any]:
        user, chat_id = str(body.get("user", "")), str(body.get("chat_id", ""))
        match action:
            case ["messages"]:
                content, quote = body["content"], body.get("quote")
                return self._bot.say(user, chat_id, content, quote, _manner(body)).to_json()
            case ["entries"]:
                return self._bot.enter(user, _manner(body)).to_json()
            case ["clicks"]:
                return self._bot.click(user, chat_id, body["click"]).to_json()
            case ["ratings"]:
                answered = self._state.exchanges.find(str(body["exchange"]))
                return self._bot.rate(answered, body["opinion"]).to_json()
            case ["verification"]:
                bot = self._state.settings.bot
                return await self._verify(bot.callback_url, Envelope(bot.token, bot.encoding_aes_key, ""))
        raise _not_found(action)

    async def _app_action(self, action: list[str], body: dict[str, Any]) -> dict[str, Any]:
        match action:
            case ["messages"]:
                fields = body["fields"]
                if media := body.get("media"):
                    content, name = base64.b64decode(media["base64"]), str(media["name"])
                    now = self._clock.now()
                    fields |= {"MediaId": self._state.media.receive(fields["MsgType"], name, content, now)}
                return self._app.send(str(body["user"]), fields, _manner(body)).to_json()
            case ["verification"]:
                app = self._state.settings.app
                return await self._verify(app.callback_url, envelope_of(app))
        raise _not_found(action)

    async def _verify(self, url: str, envelope: Envelope) -> dict[str, Any]:
        limit = self._state.settings.verification_seconds
        return asdict(await verify_url(self._sender, self._clock, url, envelope, limit))


def _manner(body: dict[str, Any]) -> Manner:
    return Manner(int(body.get("copies", 1)), int(body.get("lose_answers", 0)))


def _not_found(path: list[str]) -> ControlError:
    return ControlError(404, f"the double has no {'/'.join(path)}")
