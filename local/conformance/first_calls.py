"""Warm-up calls before the kit's: the first call starts a function, which may exceed the kit's timeout."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread
from typing import Any

import httpx

from a2a_tasks.a2a.card import HTTP_JSON_PATH, PROTOCOL_VERSION, WELL_KNOWN
from local.tools import ToolError

SECONDS = 60.0


def make_first_calls(agent: str) -> None:
    """Read an agent's card, send it a message, and receive the task's end at a webhook.

    Raises ToolError if one of them takes too long or is refused.
    """
    with _webhook() as (url, called), httpx.Client(timeout=SECONDS, trust_env=False) as client:
        try:
            client.get(agent + WELL_KNOWN).raise_for_status()
            headers = {"A2A-Version": PROTOCOL_VERSION}
            sent = client.post(f"{agent}{HTTP_JSON_PATH}/message:send", json=_message(url), headers=headers)
            sent.raise_for_status()
        except httpx.HTTPError as error:
            raise ToolError(f"The agent does not respond: {error!r}") from error
        if not called.wait(SECONDS):
            raise ToolError(f"The agent called no webhook within {SECONDS:.0f} s.")


def _message(url: str) -> dict[str, Any]:
    message = {"messageId": "first", "role": "ROLE_USER", "parts": [{"text": "Hello."}]}
    return {"message": message, "configuration": {"taskPushNotificationConfig": {"url": url}}}


@contextmanager
def _webhook() -> Iterator[tuple[str, Event]]:
    """An address, and whether it has been called, for the length of the block."""
    called = Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(204)
            self.end_headers()
            called.set()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/", called
        finally:
            server.shutdown()
            thread.join()
