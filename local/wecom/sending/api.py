"""The API under `/cgi-bin/`: routes, tokens, rate limits, and planned faults."""

import asyncio
from typing import Any

from local.doubles.connection import HttpRequest
from local.wecom import errors
from local.wecom.clock import Clock
from local.wecom.errors import WeComError
from local.wecom.faults import Fault, Kind
from local.wecom.record import ApiCall
from local.wecom.sending.media import Upload
from local.wecom.state import State

API_PREFIX = "/cgi-bin/"
_APP_MEDIA = ("image", "voice", "video", "file")
_WEBHOOK_MEDIA = ("file", "voice")


class Api:
    """Responses for one double."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._open = 0

    async def answer(self, http: HttpRequest) -> dict[str, Any] | Upload | None:
        """The response's body, or a file; None if the connection must be broken off instead."""
        endpoint = http.path.removeprefix(API_PREFIX)
        fault = self._state.faults.take(endpoint)
        self._open += 1
        try:
            body = await self._answer(http, endpoint, fault)
        finally:
            self._open -= 1
        errcode = 0 if isinstance(body, Upload) else None if body is None else int(body["errcode"])
        self._state.record.calls.append(ApiCall(endpoint, errcode, self._clock.now()))
        return body

    async def _answer(
        self, http: HttpRequest, endpoint: str, fault: Fault | None
    ) -> dict[str, Any] | Upload | None:
        try:
            match fault:
                case Fault(Kind.DROP):
                    return None
                case Fault(Kind.ERRCODE):
                    raise WeComError(fault.errcode, "planned")
            result = self._carry_out(http, endpoint)
            match fault:
                case Fault(Kind.LOSE):
                    return None
                case Fault(Kind.TWICE):
                    result = self._carry_out(http, endpoint)
                case Fault(Kind.SLOW):
                    await asyncio.sleep(fault.seconds)
        except WeComError as error:
            return error.to_body()
        return result if isinstance(result, Upload) else {"errcode": 0, "errmsg": "ok"} | result

    def _carry_out(self, http: HttpRequest, endpoint: str) -> dict[str, Any] | Upload:
        state, now = self._state, self._clock.now()
        self._check_rate(now)
        match http.method, endpoint:
            case "GET", "gettoken":
                corp_id, secret = http.query.get("corpid", ""), http.query.get("corpsecret", "")
                return state.tokens.issue(corp_id, secret, now)
            case "POST", "webhook/send":
                return state.webhooks.send(http.query.get("key", ""), http.body, now)
            case "POST", "webhook/upload_media":
                key = http.query.get("key", "")
                state.webhooks.check_key(key)
                return state.media.upload(http, _WEBHOOK_MEDIA, key, now)
            case "POST", "aibot/response":
                return state.response_urls.answer(http.query.get("response_code", ""), http.body, now)
        return self._of_app(http, endpoint, now)

    def _of_app(self, http: HttpRequest, endpoint: str, now: int) -> dict[str, Any] | Upload:
        """The endpoints that require an application's token."""
        state = self._state
        state.tokens.check(http.query.get("access_token", ""), now)
        if not state.settings.trusts_caller:
            raise WeComError(errors.UNTRUSTED_IP, "not allow to access from your ip")
        match http.method, endpoint:
            case "POST", "message/send":
                return state.messages.send(http.body, now)
            case "POST", "message/update_template_card":
                return state.messages.update_card(http.body, now)
            case "POST", "media/upload":
                return state.media.upload(http, _APP_MEDIA, "app", now)
            case "GET", "media/get":
                return state.media.of_app(http.query.get("media_id", ""), now)
            case "GET", "user/get":
                return self._member(http.query.get("userid", ""))
            case "GET", "getcallbackip":
                return {"ip_list": ["127.0.0.1"]}
        raise WeComError(errors.BAD_PARAMETER, f"the double has no {http.method} {endpoint}")

    def _member(self, user_id: str) -> dict[str, Any]:
        settings = self._state.settings
        if user_id not in settings.members:
            raise WeComError(errors.NO_SUCH_MEMBER, "userid not found")
        return {"userid": user_id, "department": settings.departments.get(user_id, [1])}

    def _check_rate(self, now: int) -> None:
        settings = self._state.settings
        if self._open > settings.calls_at_once:
            raise WeComError(errors.TOO_MANY_AT_ONCE, "concurrent calls out of limit")
        if self._state.calls.count("", now, 60) >= settings.calls_a_minute:
            raise WeComError(errors.TOO_OFTEN, "api freq out of limit")
        self._state.calls.add("", now)
