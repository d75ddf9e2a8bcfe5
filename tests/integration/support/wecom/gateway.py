"""API Gateway in front of the function that WeCom calls: HTTP requests become its events."""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext


def callback_event(
    method: str, connection_id: str, query: dict[str, str], body: bytes = b"", *, base64_encoded: bool = False
) -> dict[str, Any]:
    """What API Gateway sends to the function."""
    event = load_event("wecom_verify_url")
    path = f"/wecom/{connection_id}/callback"
    text = base64.b64encode(body).decode() if base64_encoded else body.decode()
    return event | {
        "httpMethod": method,
        "path": path,
        "pathParameters": {"connectionId": connection_id},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "body": text or None,
        "isBase64Encoded": base64_encoded,
    }


@contextmanager
def serving(module: ModuleType, one_at_a_time: threading.RLock) -> Iterator[str]:
    """The function behind an address for the length of the block, one request at a time: a role belongs to
    all that runs, so a test takes the lock too for what it does itself meanwhile."""
    handler: Callable[..., dict[str, Any]] = module.handler

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def log_message(self, *_: Any) -> None: ...

        def _answer(self, method: str) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            connection_id = url.path.strip("/").split("/")[1]
            event = callback_event(method, connection_id, dict(parse_qsl(url.query)), body)
            with one_at_a_time:
                answer = handler(event, LambdaContext())
            content = answer["body"].encode()
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
