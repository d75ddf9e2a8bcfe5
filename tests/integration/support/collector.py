"""A collector of traces on this machine: OTLP over HTTP, read with OpenTelemetry's own Protobuf types."""

import base64
import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

IDS = frozenset({"traceId", "spanId", "parentSpanId"})
"""In OTLP's JSON these are hexadecimal, and base64 in that of Protobuf."""
WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class Recorded:
    """A span as it came."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    span: Span
    resource: dict[str, Any]

    @property
    def error(self) -> str | None:
        """The description of its error, if it ended with one."""
        return self.span.status.message if self.span.status.code == 2 else None


@dataclass
class Collector:
    """What was sent. ``status`` and ``answer`` are the response to further requests; while ``hangs`` is set
    there is none."""

    port: int
    status: int = 200
    answer: bytes = b"{}"
    hangs: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    spans: list[Recorded] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/traces"

    def wait_for(self, name: str, count: int = 1) -> list[Recorded]:
        """The spans of a name, once there are as many."""
        until = time.monotonic() + WAIT_SECONDS
        while len(found := [span for span in self.spans if span.name == name]) < count:
            assert time.monotonic() < until, f"no span {name!r} among {[span.name for span in self.spans]}"
            time.sleep(0.01)
        return found

    def take(self, headers: dict[str, str], body: bytes) -> None:
        self.requests.append((headers, body))
        if self.status == 200:
            self.spans += _spans(json.loads(body))


def _spans(document: Any) -> Iterator[Recorded]:
    request = ParseDict(_with_bytes(document), ExportTraceServiceRequest())
    for of_resource in request.resource_spans:
        resource = _plain(of_resource.resource.attributes)
        for span in (span for scope in of_resource.scope_spans for span in scope.spans):
            ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
            yield Recorded(span.name, *ids, _plain(span.attributes), span, resource)


def _with_bytes(value: Any) -> Any:
    match value:
        case dict():
            return {
                key: base64.b64encode(bytes.fromhex(part)).decode() if key in IDS else _with_bytes(part)
                for key, part in value.items()
            }
        case list():
            return [_with_bytes(part) for part in value]
        case _:
            return value


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that runs until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take({name.lower(): value for name, value in self.headers.items()}, body)
            if collector.hangs.is_set():
                collector.released.wait(WAIT_SECONDS)
            self.send_response(collector.status)
            self.send_header("Content-Length", str(len(collector.answer)))
            self.end_headers()
            self.wfile.write(collector.answer)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.released.set()
        server.shutdown()
        server.server_close()
