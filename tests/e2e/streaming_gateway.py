"""What the emulator's gateway cannot do: streamed answers. A function's built code runs on the streaming
runtime, in a process of its own, against a double of Lambda's Runtime API; requests reach it as API Gateway
would send them, after the deployed authorizer has seen them."""

import json
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from a2a_tasks.runtime.answer import DELIMITER
from local.deployed import Deployed
from tests.integration.runtime.host import END, RuntimeHost, running_host
from tests.integration.runtime.process import running_function

STAGE = "local"


@dataclass(frozen=True)
class Gateway:
    """``routes`` are the function's resources, such as ``/a2a/{agentId}/messages``."""

    deployed: Deployed
    host: RuntimeHost
    routes: list[str]

    def event(self, request: BaseHTTPRequestHandler) -> dict[str, Any]:
        """The request as API Gateway hands it over (REST API, Lambda proxy integration)."""
        url = urlsplit(request.path)
        resource, parameters = self._route(url.path)
        length = int(request.headers.get("Content-Length", "0"))
        queries = parse_qs(url.query)
        key = request.headers.get("Authorization", "")
        return {
            "resource": resource,
            "path": url.path,
            "httpMethod": request.command,
            "headers": dict(request.headers.items()) | {"X-Forwarded-Proto": "http"},
            "multiValueHeaders": {name: request.headers.get_all(name) for name in request.headers},
            "queryStringParameters": {name: values[-1] for name, values in queries.items()} or None,
            "multiValueQueryStringParameters": queries or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "resourcePath": resource,
                "httpMethod": request.command,
                "path": url.path,
                "stage": STAGE,
                "domainName": request.headers["Host"],
                "identity": {"sourceIp": "127.0.0.1"},
                "authorizer": None if ".well-known" in resource else self._authorized(key),
            },
            "body": request.rfile.read(length).decode() or None,
            "isBase64Encoded": False,
        }

    def _route(self, path: str) -> tuple[str, dict[str, str]]:
        for route in self.routes:
            pattern = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", route)
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
            if found := re.fullmatch(pattern, path):
                return route, found.groupdict()
        raise LookupError(path)

    def _authorized(self, token: str) -> dict[str, Any]:
        """What the deployed authorizer says of a key. Raises ``PermissionError``."""
        arn = "arn:aws:execute-api:us-east-1:000000000000:local/local/POST/a2a"
        answer = self.deployed.client("lambda").invoke(
            FunctionName=self.deployed.outputs["AuthorizerFunctionName"],
            Payload=json.dumps({"type": "TOKEN", "authorizationToken": token, "methodArn": arn}),
        )
        policy = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise PermissionError(policy)
        return {**policy["context"], "principalId": policy["principalId"]}


@contextmanager
def streaming_gateway(deployed: Deployed, function: str, name: str, routes: list[str]) -> Iterator[str]:
    """The address at which a function of the template streams; ``name`` is that of the deployed function."""
    configuration = deployed.client("lambda").get_function_configuration(FunctionName=name)
    build = deployed.stack.folder / "build"
    environment = dict(configuration["Environment"]["Variables"]) | deployed.stack.aws_environment
    layers = [build / layer / "python" for layer in _layers(build)]
    environment["PYTHONPATH"] = os.pathsep.join(str(layer) for layer in layers)
    handler, wrapper = environment.pop("STREAMING_HANDLER"), build / "CoreLayer" / "streaming-runtime"
    with running_host() as (host, address), _running_server(Gateway(deployed, host, routes)) as url:
        environment["PUBLIC_BASE_URL"] = url
        with (
            # two, since each answers one request at a time
            running_function(address, handler, build / function, wrapper, **environment),
            running_function(address, handler, build / function, wrapper, **environment),
        ):
            yield url
    assert host.violations == []


def _layers(build: Path) -> list[str]:
    return [folder.name for folder in build.iterdir() if folder.name.endswith("Layer")]


@contextmanager
def _running_server(gateway: Gateway) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(gateway))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _handler_of(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            try:
                event = gateway.event(self)
            except PermissionError:
                return self._send_head({"statusCode": 401, "headers": {}})
            invocation = gateway.host.invoke(event)
            head = b""
            while DELIMITER not in head:
                piece = invocation.piece()
                if piece == END:  # what API Gateway makes of an answer without a head
                    return self._send_head({"statusCode": 502, "headers": {}})
                head += piece
            metadata, _, body = head.partition(DELIMITER)
            self._send_head(json.loads(metadata))
            while True:
                if body:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(body), body))
                    self.wfile.flush()
                body = invocation.piece()
                if body == END:
                    break
            self.wfile.write(b"0\r\n\r\n")
            return None

        def do_GET(self) -> None:
            self.do_POST()

        def _send_head(self, head: dict[str, Any]) -> None:
            self.send_response(head["statusCode"])
            for header, value in head["headers"].items():
                self.send_header(header, value)
            if head["statusCode"] in (401, 502):
                self.send_header("Content-Length", "0")
            else:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler
