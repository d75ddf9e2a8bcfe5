"""A callback URL whose answers a test decides. It opens and seals with the product's own package."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from a2a_tasks.wecom.protocol.app_callback import receive_app_message, seal_app_reply, verify_url
from a2a_tasks.wecom.protocol.app_messages import AppEvent, AppMessage
from a2a_tasks.wecom.protocol.bot_callback import receive_bot_message, seal_bot_reply
from a2a_tasks.wecom.protocol.bot_messages import BotCallback
from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery
from local.wecom.clock import Clock
from local.wecom.settings import App, Bot

RANDOM = bytes(range(16))


@dataclass(frozen=True)
class Raw:
    """An answer as it is: status and body, after so many seconds; no answer at all if the status is 0."""

    status: int = 200
    body: bytes = b""
    seconds: float = 0.0


class Receiver:
    """Answers every request by what `decide` makes of it, and keeps what came."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.url = ""
        self.requests: list[tuple[CallbackQuery, bytes]] = []
        self.decide: Callable[[CallbackQuery, bytes], Raw] = lambda _query, _body: Raw()

    def handle(self, method: str, query: CallbackQuery, body: bytes) -> Raw:
        if method == "POST":
            self.requests.append((query, body))
        return self.decide(query, body)


def in_turn[Message, Reply](*replies: Reply) -> Callable[[Message], Reply]:
    """Answers with one after the other."""
    left = iter(replies)
    return lambda _message: next(left)


class BotReceiver:
    """A bot behind a receiver: `reply` is what it says to a message; None is nothing."""

    def __init__(self, receiver: Receiver, bot: Bot) -> None:
        self._receiver = receiver
        self._bot = bot
        self.key = CallbackKey(bot.token, bot.encoding_aes_key, "")
        self.messages: list[BotCallback] = []
        self.api_url = ""
        self.reply: Callable[[BotCallback], dict[str, Any] | Raw | None] = lambda _message: None
        receiver.decide = self._decide

    def _decide(self, query: CallbackQuery, body: bytes) -> Raw:
        now = self._receiver.clock.now()
        if query.echo:
            return Raw(body=verify_url([self.key], query, now).message.encode())
        message = receive_bot_message([self.key], self._bot.bot_id, query, body, now, self.api_url).message
        self.messages.append(message)
        reply = self.reply(message)
        if reply is None or isinstance(reply, Raw):
            return reply or Raw()
        return Raw(body=seal_bot_reply(self.key, reply, query.nonce, now, RANDOM))


class AppReceiver:
    """An application behind a receiver: `reply` is the XML that it says to a message; None is nothing."""

    def __init__(self, receiver: Receiver, app: App) -> None:
        self._receiver = receiver
        self._app = app
        self.key = CallbackKey(app.token, app.encoding_aes_key, app.corp_id)
        self.messages: list[AppMessage | AppEvent] = []
        self.reply: Callable[[AppMessage | AppEvent], str | Raw | None] = lambda _message: None
        receiver.decide = self._decide

    def _decide(self, query: CallbackQuery, body: bytes) -> Raw:
        now = self._receiver.clock.now()
        if query.echo:
            return Raw(body=verify_url([self.key], query, now).message.encode())
        message = receive_app_message([self.key], str(self._app.agent_id), query, body, now).message
        self.messages.append(message)
        reply = self.reply(message)
        if reply is None or isinstance(reply, Raw):
            return reply or Raw()
        return Raw(body=seal_app_reply(self.key, reply, "own nonce", now, RANDOM))


@contextmanager
def receiving(clock: Clock) -> Iterator[Receiver]:
    """A receiver on a free port for the length of the block."""
    receiver = Receiver(clock)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def log_message(self, *_: Any) -> None: ...

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            query = CallbackQuery.from_parameters(dict(parse_qsl(urlsplit(self.path).query)))
            raw = receiver.handle(method, query, body)
            time.sleep(raw.seconds)
            if raw.status == 0:
                return
            try:
                self.send_response(raw.status)
                self.send_header("content-length", str(len(raw.body)))
                self.end_headers()
                self.wfile.write(raw.body)
            except ConnectionError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/callback"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sealed(key: CallbackKey, reply: dict[str, Any], query: CallbackQuery, now: int, **changes: Any) -> bytes:
    """A bot's answer with some of its fields changed; one that is changed to None is left out."""
    envelope = json.loads(seal_bot_reply(key, reply, query.nonce, now, RANDOM)) | changes
    return json.dumps({name: value for name, value in envelope.items() if value is not None}).encode()
