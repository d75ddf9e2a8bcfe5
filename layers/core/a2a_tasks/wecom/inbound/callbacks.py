"""Handles WeCom's requests to a connection's callback URL, from HTTP request to HTTP response."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain import ids
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import Unavailable
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.inbound.handlers import MessageHandlers
from a2a_tasks.wecom.ports import ConnectionReader, ConnectionSecretsReader
from a2a_tasks.wecom.protocol.app_callback import receive_app_message, seal_app_reply, verify_url
from a2a_tasks.wecom.protocol.bot_callback import MAX_BODY_BYTES, receive_bot_message, seal_bot_reply
from a2a_tasks.wecom.protocol.callback_keys import callback_keys
from a2a_tasks.wecom.protocol.crypto import RANDOM_BYTES, CallbackKey, CallbackQuery
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason

NONCE_BYTES = 8
REFUSED: dict[str, Any] = {
    "statusCode": 403,
    "headers": {"Content-Type": "text/plain; charset=utf-8"},
    "body": "Forbidden",
}
"""The same response to every request that is not WeCom's and for every unknown connection."""


@dataclass(frozen=True)
class CallbackHandler:
    """``handlers`` returns the message handlers. They are created at first use, because URL verification does
    not need them."""

    connections: ConnectionReader
    secrets: ConnectionSecretsReader
    handlers: Callable[[], MessageHandlers]
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry

    def answer(self, event: Mapping[str, Any], seconds_left: Callable[[], float]) -> dict[str, Any]:
        """The response to an API Gateway event. Never raises: WeCom retries after a 500."""
        request_id = str((event.get("requestContext") or {}).get("requestId") or "")
        try:
            return self._answer(event, request_id, seconds_left)
        except CallbackRefused as refused:
            # not an error of this service: anyone can send such requests
            self.telemetry.event("callback refused", reason=refused.reason.value, correlation_id=request_id)
            self.telemetry.count("WecomRefused", code=refused.reason.value.upper())
            return REFUSED
        except Unavailable as error:
            # a 500, so that WeCom sends the message again; completed steps are found by its key
            self.telemetry.problem("callback not answered", reason=str(error), correlation_id=request_id)
        except Exception as error:
            self.telemetry.problem("callback failed", error=error, correlation_id=request_id)
        self.telemetry.count("WecomErrors")
        return {"statusCode": 500, "headers": {"Content-Type": "text/plain"}, "body": ""}

    def _answer(
        self, event: Mapping[str, Any], request_id: str, seconds_left: Callable[[], float]
    ) -> dict[str, Any]:
        connection = self._connection((event.get("pathParameters") or {}).get("connectionId") or "")
        query = CallbackQuery.from_parameters(event.get("queryStringParameters") or {})
        if event["httpMethod"] == "GET":
            return _plain(self._open(connection, lambda keys, now: verify_url(keys, query, now)).message)
        body = _body(event)
        if connection.kind is ConnectionKind.APP:
            return self._app(connection, query, body, request_id)
        return self._bot(connection, query, body, request_id, seconds_left)

    def _connection(self, connection_id: str) -> Connection:
        found = self.connections.connection(connection_id) if ids.AGENT_ID.fullmatch(connection_id) else None
        # the same response as for a wrong signature, so that it does not reveal which connections exist
        if found is None or not found.enabled or found.kind is ConnectionKind.GROUP:
            raise CallbackRefused(RefusalReason.RECIPIENT)
        return found

    def _bot(
        self,
        connection: Connection,
        query: CallbackQuery,
        body: bytes,
        request_id: str,
        seconds_left: Callable[[], float],
    ) -> dict[str, Any]:
        bot_id, url = connection.bot_id, connection.api_url
        received = self._open(
            connection, lambda keys, now: receive_bot_message(keys, bot_id, query, body, now, url)
        )
        reply = self.handlers().bot.answer(connection, received, request_id, seconds_left)
        if reply is None:
            return _answer(b"", "application/json")
        random = self.entropy.bytes(RANDOM_BYTES)
        sealed = seal_bot_reply(received.key, reply, query.nonce, self.clock.now(), random)
        return _answer(sealed, "application/json")

    def _app(
        self, connection: Connection, query: CallbackQuery, body: bytes, request_id: str
    ) -> dict[str, Any]:
        app_id = connection.app_id or ""
        received = self._open(
            connection, lambda keys, now: receive_app_message(keys, app_id, query, body, now)
        )
        now = self.clock.now()
        reply = self.handlers().app.answer(connection, received, request_id, now)
        if reply is None:
            return _answer(b"", "application/xml")
        nonce, random = self.entropy.bytes(NONCE_BYTES).hex(), self.entropy.bytes(RANDOM_BYTES)
        return _answer(seal_app_reply(received.key, reply, nonce, now, random), "application/xml")

    def _open[T](self, connection: Connection, open_with: Callable[[tuple[CallbackKey, ...], int], T]) -> T:
        """Decrypt a request. If no cached key fits, the keys are read again, because they may have been
        rotated."""
        now = self.clock.now()
        keys = callback_keys(connection, self.secrets.secrets(connection))
        try:
            return open_with(keys, now)
        except CallbackRefused as refused:
            # the signature was valid, so another key would not help
            if refused.reason is not RefusalReason.SIGNATURE:
                raise
        fresh = callback_keys(connection, self.secrets.secrets(connection, fresh=True))
        # the keys were not rotated, so the request is not WeCom's
        if fresh == keys:
            raise CallbackRefused(RefusalReason.SIGNATURE)
        return open_with(fresh, now)


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if len(body) > 2 * MAX_BODY_BYTES:
        raise CallbackRefused(RefusalReason.TOO_LARGE)
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise CallbackRefused(RefusalReason.BASE64) from None


def _plain(text: str) -> dict[str, Any]:
    """Exactly the text: WeCom takes neither quotes nor a line feed around it."""
    return _answer(text.encode(), "text/plain; charset=utf-8")


def _answer(body: bytes, content_type: str) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"Content-Type": content_type}, "body": body.decode()}
