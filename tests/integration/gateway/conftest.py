"""The gateway with a function that streams, and a server in the emulator's place."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from local.gateway.deployed_function import DeployedFunction
from local.gateway.environment import Environment
from local.gateway.errors import GatewayErrors
from local.gateway.event_function import EVENT_HEADER
from local.gateway.gateway import Gateway
from local.gateway.logs import Logs
from local.gateway.pool import Pool
from local.gateway.server import serving
from local.gateway.settings import Settings, StreamingRoute

ROOT = Path(__file__).parents[3]
FUNCTION = """
import json
import os
import pathlib
import time
from a2a_tasks.runtime.answer import StreamedAnswer

FOLDER = pathlib.Path(__file__).parent


def pieces(asked):
    yield json.dumps({"pid": os.getpid(), "asked": asked, "key": os.environ["AWS_ACCESS_KEY_ID"]}).encode()
    if "wait" in asked:
        with (FOLDER / "gate").open("rb") as gate:  # a named pipe: opened when the test opens its other end
            gate.read()
    if "die" in asked:
        os._exit(7)
    if "raise" in asked:
        raise ValueError("in the middle")
    yield b"\\nthe end"
    if "told" in asked:
        (FOLDER / "told").write_bytes(b"done")


def handler(event, context):
    asked = event["body"] or ""
    print("asked", asked, flush=True)
    if asked == "die at once":
        os._exit(7)
    if asked == "hang":
        time.sleep(3600)
    return StreamedAnswer(200, pieces(asked), {"X-One": "1", "Content-Length": "3"})
"""
ROUTE = StreamingRoute("POST", "/stream", "f", "live", "code", ("CoreLayer",), 900.0)
TOO_LARGE = {
    "statusCode": "413",
    "responseParameters": {"gatewayresponse.header.X-Why": "'size'"},
    "responseTemplates": {"application/json": '{"code": "PAYLOAD_TOO_LARGE"}'},
}
FAILED = {"responseTemplates": {"application/json": '{"code": "INTERNAL"}'}}


@dataclass
class Emulated:
    """The emulator's gateway: hands out the event of `/stream`, and answers the rest with `answer`."""

    requests: list[tuple[str, str, list[tuple[str, str]], bytes]] = field(default_factory=list)
    answer: tuple[int, list[tuple[str, str]], bytes] = (200, [], b"")
    url: str = ""


@contextmanager
def emulated() -> Iterator[Emulated]:
    found = Emulated()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.requests.append((self.command, self.path, list(self.headers.items()), body))
            status, headers, content = found.answer
            if self.path.endswith("/stream"):
                event = {"httpMethod": "POST", "resource": "/stream", "body": None}
                status, headers, content = 200, [(EVENT_HEADER, "1")], json.dumps(event).encode()
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._answer
            raise AttributeError(name)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}/api"
        yield found
        server.shutdown()


@dataclass
class Running:
    """`function` is what is deployed: put another in its place to deploy it."""

    url: str
    gateway: Gateway
    emulator: Emulated
    function: DeployedFunction
    folder: Path
    logs: Any

    def post(self, asked: str) -> httpx.Response:
        return httpx.post(f"{self.url}/local/stream", content=asked, trust_env=False, timeout=30)

    def stream(self, asked: str) -> Any:
        return httpx.stream("POST", f"{self.url}/local/stream", content=asked, trust_env=False, timeout=30)

    def deploy(self, **changes: Any) -> None:
        self.function = replace(self.function, **changes)

    def logged(self) -> str:
        events = self.logs.filter_log_events(logGroupName="group")["events"]
        return "\n".join(event["message"] for event in events)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    code, layer = tmp_path / "code", tmp_path / "CoreLayer"
    code.mkdir()
    layer.mkdir()
    (code / "function.py").write_text(FUNCTION)
    os.mkfifo(code / "gate")
    (layer / "python").symlink_to(ROOT / "layers/core")
    (layer / "streaming-runtime").symlink_to(ROOT / "layers/core/streaming-runtime")
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/streaming-runtime", "STREAMING_HANDLER": "function.handler"}
    function = DeployedFunction(
        "f", "1", "arn:f", "arn:role", "1", 60, 512, "group", variables, "http://127.0.0.1:1", code, (layer,)
    )  # fmt: skip
    with mock_aws(), emulated() as emulator:
        logs = boto3.client("logs", region_name="us-east-1")
        logs.create_log_group(logGroupName="group")
        sent = Logs(logs)
        sent.start()
        credentials = {"AccessKeyId": "ASIAROLE", "SecretAccessKey": "s", "SessionToken": "t"}
        pool = Pool(lambda each: Environment(each, sys.executable, credentials, sent))
        settings = Settings(emulator.url, "api", tmp_path, sys.executable, emulator.url, (ROUTE,))
        errors = GatewayErrors({"REQUEST_TOO_LARGE": TOO_LARGE, "DEFAULT_5XX": FAILED})
        gateway = Gateway(settings, errors, pool, lambda _: found.function)
        with serving(gateway, 0) as url:
            found = Running(url, gateway, emulator, function, code, logs)
            yield found
            pool.end()
