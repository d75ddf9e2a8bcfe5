"""The stand-in's HTTP server: the routes of the Messages API, and its own under `/_standin/`."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from local.doubles.connection import Connection, HttpRequest, answer_all
from local.standin.backend import BEDROCK_PREFIX, Backend, Credential
from local.standin.batches import Batch, Batches
from local.standin.calls import CallLog
from local.standin.control import CONTROL_PREFIX, Control
from local.standin.conversation import Conversations
from local.standin.errors import ApiError
from local.standin.files import MadeFile
from local.standin.models import describe_model, list_models
from local.standin.replies.playback import Playback
from local.standin.request.features import Features
from local.standin.request.messages_request import MessagesRequest

_BACKLOG = 1_024


class Server:
    """The state of one stand-in, and the handler of its clients' requests."""

    def __init__(self) -> None:
        self._log = CallLog()
        self._conversations = Conversations()
        self._batches = Batches(self._conversations, self._log)
        self._control = Control(self._log, self._conversations, self._batches)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's requests until it disconnects."""
        await answer_all(reader, writer, self._answer)

    async def _answer(self, connection: Connection, http: HttpRequest) -> None:
        request_id = f"req_{secrets.token_hex(12)}"
        headers = {"request-id": request_id}
        try:
            if http.path.startswith(CONTROL_PREFIX):
                await connection.send_json(200, self._control.answer(http), headers)
                return
            path = http.path.removeprefix(BEDROCK_PREFIX)
            if (http.method, path) == ("POST", "/v1/messages"):
                await self._create_message(connection, http, request_id)
            elif http.method == "GET" and path.startswith("/v1/files/"):
                await _answer_file(connection, http, path, headers)
            elif path.startswith("/v1/messages/batches"):
                await self._answer_batches(connection, http, path, headers)
            else:
                await connection.send_json(200, _look_up(http, path), headers)
        except ApiError as error:
            await connection.send_json(error.status, error.to_body(request_id), headers | error.headers)

    async def _create_message(self, connection: Connection, http: HttpRequest, request_id: str) -> None:
        call = self._log.begin(http, request_id)
        try:
            credential = Credential.of(http)
            call.authorization, call.backend = credential.scheme, credential.backend
            request = MessagesRequest.from_body(_json_body(http), _features(http, credential))
            self._log.describe(call, request)
            turn = self._conversations.next_turn(request)
            call.step = turn.number
            await Playback(connection, self._log, call, turn).play()
        except ApiError as error:
            call.mark_first_byte()
            self._log.end(call, f"error {error.status}")
            raise
        except (asyncio.CancelledError, ConnectionError):
            self._log.end(call, "client_left")
            raise
        finally:
            # Has no effect if one of the above, or the playback, recorded an end.
            self._log.end(call, "failed")

    async def _answer_batches(
        self, connection: Connection, http: HttpRequest, path: str, headers: dict[str, str]
    ) -> None:
        credential = Credential.of(http)
        if credential.backend is Backend.BEDROCK:
            raise ApiError.invalid("Message batches are not supported on this platform.")
        now = time.time()
        match http.method, path.removeprefix("/v1/messages/batches").removeprefix("/").split("/"):
            case "POST", [""]:
                batch = self._batches.create(http, _json_body(http), _features(http, credential), now)
                if not batch.is_answered:
                    connection.reset()
                    return
                answer = _show(batch, http)
            case "GET", [""]:
                batches, has_more = self._batches.page(http.query, now)
                ids = [batch.id for batch in batches]
                answer = {
                    "data": [_show(batch, http) for batch in batches],
                    "has_more": has_more,
                    "first_id": ids[0] if ids else None,
                    "last_id": ids[-1] if ids else None,
                }
            case "GET", [batch_id]:
                answer = _show(self._batches.find(batch_id, now), http)
            case "POST", [batch_id, "cancel"]:
                answer = _show(self._batches.cancel(batch_id, now), http)
            case "DELETE", [batch_id]:
                self._batches.delete(batch_id, now)
                answer = {"id": batch_id, "type": "message_batch_deleted"}
            case "GET", [batch_id, "results"]:
                batch = self._batches.find(batch_id, now)
                if batch.ended_at is None:
                    raise ApiError(404, "not_found_error", f"Message batch {batch_id} has no results yet.")
                await connection.send(200, "application/x-jsonl", batch.to_results(), headers)
                return
            case _:
                raise _not_found(http)
        await connection.send_json(200, answer, headers)


@asynccontextmanager
async def serving(host: str, port: int) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the port, which the system chooses if it is given as 0."""
    listener = await asyncio.start_server(Server().serve, host, port, backlog=_BACKLOG)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        listener.abort_clients()


async def _answer_file(connection: Connection, http: HttpRequest, path: str, headers: dict[str, str]) -> None:
    credential = Credential.of(http)
    file_id, _, rest = path.removeprefix("/v1/files/").partition("/")
    if credential.backend is Backend.BEDROCK or rest not in ("", "content"):
        raise _not_found(http)
    file = MadeFile.find(file_id, credential.organization)
    if not rest:
        await connection.send_json(200, file.to_json(), headers)
        return
    await connection.start_stream(headers | {"content-type": "application/octet-stream"}, b"")
    if file.fault == "hang":
        await asyncio.Event().wait()
    for piece in file.content():
        await connection.send_chunk(piece)
    await connection.end_stream()


def _look_up(http: HttpRequest, path: str) -> dict[str, Any]:
    credential = Credential.of(http)
    match http.method, path.removeprefix("/v1/").split("/"):
        case "POST", ["messages", "count_tokens"]:
            request = MessagesRequest.from_body(_json_body(http), _features(http, credential), counts=True)
            return {"input_tokens": max(1, request.prefixes[-1].tokens)}
        case "GET", ["models"] if credential.backend is not Backend.BEDROCK:
            return list_models()
        case "GET", ["models", model] if credential.backend is not Backend.BEDROCK:
            if (description := describe_model(model)) is not None:
                return description
            raise ApiError(404, "not_found_error", f"model: {model}")
    raise _not_found(http)


def _features(http: HttpRequest, credential: Credential) -> Features:
    return Features.of(http.headers.get("anthropic-beta", ""), credential)


def _show(batch: Batch, http: HttpRequest) -> dict[str, Any]:
    return batch.to_json(f"http://{http.headers.get('host', '')}/v1/messages/batches/{batch.id}/results")


def _json_body(http: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(http.body)
    except ValueError as error:
        raise ApiError.invalid(f"The request body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise ApiError.invalid("The request body must be a JSON object")
    return body


def _not_found(http: HttpRequest) -> ApiError:
    return ApiError(404, "not_found_error", f"The stand-in has no {http.method} {http.path}")
