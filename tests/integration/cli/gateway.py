"""What the operator's command talks to: the emulator's address, with the real API function behind it."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType

from botocore.awsrequest import AWSPreparedRequest, HTTPHeaders

from a2a_tasks.access.authentication import authenticate
from tests.integration.support.account import CREATED_AT, Account
from tests.integration.support.caller import Caller

PUBLIC = ("/health",)
API_PATH = "/_aws/execute-api/abc123/test"
Step = Callable[[], tuple[int, str] | None]


@dataclass
class Gateway:
    """Serves the API below ``API_PATH`` and every AWS service elsewhere, as the local emulator does.

    Each request to the API first runs the next of ``steps``, which may answer it with a status and a text.
    """

    account: Account
    api: ModuleType
    steps: deque[Step] = field(default_factory=deque)
    requests: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def api_url(self) -> str:
        return f"{self.url}{API_PATH}"

    def answer(self, method: str, path: str, authorization: str, body: str) -> tuple[int, str]:
        self.requests.append(f"{method} {path}")
        self.bodies.append(body)
        step = self.steps.popleft() if self.steps else None
        if step and (canned := step()):
            return canned
        key = authenticate(self.account.registry, authorization, CREATED_AT)
        if key is None and path not in PUBLIC:
            return 401, json.dumps({"message": "Unauthorized"})
        answer = Caller(self.api.handler, key.project_id if key else "").send(method, path, body=body)
        return answer.status, answer.text

    def forward(self, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """To moto, by the hook with which it catches boto3's requests."""
        scope = headers["Authorization"].split("Credential=")[1].split("/")
        service, region = scope[3], scope[2]
        client = self.account.dynamodb
        here = client.meta.region_name
        headers["Authorization"] = headers["Authorization"].replace(f"/{region}/", f"/{here}/")
        headers["Host"] = f"{service}.{here}.amazonaws.com"
        url, sent = f"https://{headers['Host']}/", HTTPHeaders.from_dict(headers)
        request = AWSPreparedRequest("POST", url, sent, body, False)
        [(_, answer)] = client.meta.events.emit(f"before-send.{service}.Any", request=request)
        return answer.status_code, answer.content.decode()


@contextmanager
def serving(gateway: Gateway) -> Iterator[Gateway]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if self.path.startswith(API_PATH):
                path = self.path.removeprefix(API_PATH)
                authorization = self.headers.get("Authorization", "")
                status, text = gateway.answer(self.command, path, authorization, body.decode())
            else:
                status, text = gateway.forward(dict(self.headers), body)
            sent = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_POST = do_DELETE = do_GET  # noqa: N815  http.server's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        gateway.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()
