"""A double of Lambda's Runtime API (AWS Lambda Developer Guide): passes invocations to a function's process,
and receives its responses chunk by chunk."""

import base64
import json
import queue
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PREFIX = "/2018-06-01/runtime/"
NO_DEADLINE_MS = 4_102_444_800_000
NO_ARN = "arn:aws:lambda:us-east-1:000000000000:function:function"
END = b""


@dataclass
class Invocation:
    """An invocation and its response. `pieces` yields the response's chunks as they arrive, then `END`.
    `deadline_ms` is in Unix milliseconds."""

    event: Any
    deadline_ms: int = NO_DEADLINE_MS
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    pieces: "queue.Queue[bytes]" = field(default_factory=queue.Queue)
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def piece(self) -> bytes:
        """The next chunk. Blocks until it has arrived."""
        return self.pieces.get(timeout=30)

    def rest(self) -> bytes:
        """All remaining chunks."""
        return b"".join(iter(self.piece, END))

    def end(self) -> None:
        self.pieces.put(END)
        self.done.set()

    def fail(self, error_type: str, message: str) -> None:
        """End it, unless it has ended, with an error that the function did not report itself."""
        if not self.done.is_set():
            self.error = {"errorType": error_type, "errorMessage": message}
            self.end()

    @property
    def trailer_error(self) -> Any:
        return json.loads(base64.b64decode(self.trailers["lambda-runtime-function-error-body"]))

    @property
    def has_failed(self) -> bool:
        """Whether the function, or its process, failed before the end of the response."""
        return self.error is not None or bool(self.trailers)


class RuntimeHost:
    """`invoke` enqueues an event. `init_error` is the runtime's report of a failed start; `violations` are
    its violations of the Runtime API."""

    def __init__(self, function_arn: str = NO_ARN) -> None:
        self.function_arn = function_arn
        self.line: queue.Queue[Invocation | None] = queue.Queue()
        self.under_way: dict[str, Invocation] = {}
        self.init_error: dict[str, Any] | None = None
        self.violations: list[str] = []
        self._connections = 0
        self._changed = threading.Condition()

    def invoke(self, event: Any, deadline_ms: int = NO_DEADLINE_MS) -> Invocation:
        invocation = Invocation(event, deadline_ms)
        self.line.put(invocation)
        return invocation

    @contextmanager
    def connection(self) -> Iterator[None]:
        """A runtime is connected for the length of the block."""
        with self._changed:
            self._connections += 1
        try:
            yield
        finally:
            with self._changed:
                self._connections -= 1
                self._changed.notify_all()

    def wait_for_the_rest(self, seconds: float) -> None:
        """Wait until everything is read that the runtime sent before it died, or until the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._connections == 0, seconds)


@contextmanager
def running_host(function_arn: str = NO_ARN) -> Iterator[tuple[RuntimeHost, str]]:
    """A host, and its address in the form of `AWS_LAMBDA_RUNTIME_API`."""
    host = RuntimeHost(function_arn)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, host))
    server.daemon_threads = True
    # the interval at which it checks whether to end
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield host, f"127.0.0.1:{server.server_address[1]}"
    finally:
        host.line.put(None)
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, host: RuntimeHost, *connection: Any) -> None:
        self._host = host
        super().__init__(*connection)  # serves the connection

    def handle(self) -> None:
        with self._host.connection():
            super().handle()

    def do_GET(self) -> None:
        if self.path != PREFIX + "invocation/next":
            self._answer(404)
            return
        invocation = self._host.line.get()
        if invocation is None:
            self.close_connection = True
            return
        self._host.under_way[invocation.request_id] = invocation
        body = json.dumps(invocation.event).encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", invocation.request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", self._host.function_arn)
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        parts = self.path.removeprefix(PREFIX).split("/")
        if parts == ["init", "error"]:
            self._host.init_error = json.loads(self._body())
            return self._answer(202)
        invocation = self._host.under_way.pop(parts[1], None)
        if invocation is None:
            self._host.violations.append(f"{self.path}: there is no such invocation, or it was answered")
            return self._answer(400)
        invocation.headers = {name.lower(): value for name, value in self.headers.items()}
        if parts[2] == "error":
            invocation.error = json.loads(self._body())
        elif self.headers.get("Transfer-Encoding") == "chunked":
            if not self._read_chunks(invocation):
                self.close_connection = True
                return None
        else:
            invocation.pieces.put(self._body())
        self._answer(202)
        return invocation.end()

    def _read_chunks(self, invocation: Invocation) -> bool:
        """False if the process disconnected in the middle: its watcher then ends the invocation."""
        while line := self.rfile.readline():
            size = int(line, 16)
            if size == 0:
                break
            invocation.pieces.put(self.rfile.read(size))
            self.rfile.readline()
        else:
            return False
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            invocation.trailers[name.strip().lower()] = value.strip()
        return True

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Logs nothing."""
