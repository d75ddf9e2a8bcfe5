"""The stand-in's HTTP server: the routes of the Messages API, and its own under `/_standin/`."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from local.standin.calls import Call, CallLog
from local.standin.connection import ClientLeft, Connection, HttpRequest, MalformedRequest
from local.standin.directive import DirectiveError, Step, find_steps
from local.standin.errors import ApiError
from local.standin.messages_request import MessagesRequest
from local.standin.models import describe_model, list_models
from local.standin.playback import Playback
from local.standin.usage import InputUsage

_WRONG_KEY = "sk-ant-wrong"
_UNSCRIPTED = Step(delay=2.0)
_BACKLOG = 1_024


@dataclass(slots=True)
class Conversation:
    """What is remembered between the calls that share their first user text."""

    calls: int = 0
    paused: bool = False
    cached: set[str] = field(default_factory=set)


class Server:
    """The state of one stand-in, and what answers its clients."""

    def __init__(self) -> None:
        self._log = CallLog()
        self._conversations: dict[str, Conversation] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's requests until it leaves."""
        connection = Connection(reader, writer)
        try:
            while (http := await connection.read_request()) is not None:
                async with connection.watched():
                    await self._answer(connection, http)
                if not http.keeps_alive:
                    break
        except (ClientLeft, MalformedRequest, ConnectionError):
            pass
        finally:
            await connection.close()

    async def _answer(self, connection: Connection, http: HttpRequest) -> None:
        request_id = f"req_{secrets.token_hex(12)}"
        headers = {"request-id": request_id}
        try:
            if http.path.startswith("/_standin/"):
                await connection.send_json(200, self._control(http), headers)
            elif (http.method, http.path) == ("POST", "/v1/messages"):
                await self._create_message(connection, http, request_id)
            else:
                await connection.send_json(200, _look_up(http), headers)
        except ApiError as error:
            await connection.send_json(error.status, error.to_body(request_id), headers | error.headers)

    async def _create_message(self, connection: Connection, http: HttpRequest, request_id: str) -> None:
        call = self._log.begin(http, request_id)
        try:
            _check_key(http)
            request = MessagesRequest.from_body(_json_body(http))
            call.describe(request)
            step, usage = self._next_step(request, call)
            await Playback(connection, self._log, call, request, step, usage).play()
        except ApiError as error:
            call.mark_first_byte()
            self._log.end(call, f"error {error.status}")
            raise
        except (asyncio.CancelledError, ConnectionError):
            self._log.end(call, "client_left")
            raise
        finally:
            # Has no effect unless none of the above and no playback recorded an end.
            self._log.end(call, "failed")

    def _next_step(self, request: MessagesRequest, call: Call) -> tuple[Step, InputUsage]:
        conversation = self._conversations.setdefault(request.conversation, Conversation())
        request.check_end(paused=conversation.paused)
        try:
            steps = find_steps(request.first_user_text) or (_UNSCRIPTED,)
        except DirectiveError as error:
            raise ApiError.invalid(str(error)) from error
        # Counted only now: a request that was refused must not use up a step.
        conversation.calls += 1
        call.step = min(conversation.calls, len(steps))
        step = steps[call.step - 1]
        usage = InputUsage.of(request, conversation.cached)
        if step.failure is None:
            conversation.paused = step.stop == "pause_turn"
            if request.caches:
                conversation.cached.add(request.prefixes[-1].digest)
        return step, usage

    def _control(self, http: HttpRequest) -> dict[str, Any]:
        match http.method, http.path.removeprefix("/_standin/").split("/"):
            case "GET", ["health"]:
                return {"status": "ok", "service": "stand-in for the Claude Messages API"}
            case "GET", ["calls"]:
                since = _integer(http.query.get("since", "0"))
                calls = [call.to_json() for call in self._log.since(since)]
                return {"calls": calls, "open": self._log.open, "maxOpen": self._log.max_open}
            case "GET", ["requests", index]:
                request = self._log.request(_integer(index))
                if request is not None:
                    return asdict(request)
            case "POST", ["reset"]:
                self._log.reset()
                self._conversations.clear()
                return {"status": "ok"}
        raise _not_found(http)


@asynccontextmanager
async def serving(host: str, port: int) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the port, which the system chooses if it is given as 0."""
    listener = await asyncio.start_server(Server().serve, host, port, backlog=_BACKLOG)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        listener.abort_clients()


def _look_up(http: HttpRequest) -> dict[str, Any]:
    _check_key(http)
    match http.method, http.path.removeprefix("/v1/").split("/"):
        case "POST", ["messages", "count_tokens"]:
            request = MessagesRequest.from_body(_json_body(http), needs_max_tokens=False)
            return {"input_tokens": max(1, request.prefixes[-1].tokens)}
        case "GET", ["models"]:
            return list_models()
        case "GET", ["models", model]:
            if (description := describe_model(model)) is not None:
                return description
            raise ApiError(404, "not_found_error", f"model: {model}")
    raise _not_found(http)


def _check_key(http: HttpRequest) -> None:
    key = http.headers.get("x-api-key") or http.headers.get("authorization", "").removeprefix("Bearer ")
    if not key:
        raise ApiError(401, "authentication_error", "x-api-key header is required")
    if key == _WRONG_KEY:
        raise ApiError(401, "authentication_error", "invalid x-api-key")


def _json_body(http: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(http.body)
    except ValueError as error:
        raise ApiError.invalid(f"The request body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise ApiError.invalid("The request body must be a JSON object")
    return body


def _integer(text: str) -> int:
    if not text.isdecimal():
        raise ApiError.invalid(f"{text!r} is not a whole number")
    return int(text)


def _not_found(http: HttpRequest) -> ApiError:
    return ApiError(404, "not_found_error", f"The stand-in has no {http.method} {http.path}")
