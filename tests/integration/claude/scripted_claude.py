"""A server of the Messages API that answers with exactly the bytes it is given, for what no stand-in says."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

START = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5", "content": []}


@dataclass(frozen=True)
class Answer:
    """One answer; a request beyond the last gets the last again."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class ScriptedClaude:
    """``requests`` are (path, headers in lower case, JSON body) of what came in."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def will(self, *answers: Answer) -> None:
        self.answers += answers


def error(status: int, message: str, **headers: str) -> Answer:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return Answer(json.dumps(body).encode(), status, {"content-type": "application/json"} | headers)


def stream(*events: dict[str, Any]) -> Answer:
    """Events as they are."""
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Answer(text.encode(), headers={"content-type": "text/event-stream"})


def message(
    *blocks: tuple[dict[str, Any], list[dict[str, Any]]],
    stop_reason: str | None = "end_turn",
    usage: Mapping[str, Any] | None = None,
    **delta: Any,
) -> Answer:
    """A whole stream; each block is what ``content_block_start`` says, and its deltas."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": START | {"usage": {"input_tokens": 7, "output_tokens": 1}}}
    ]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    if stop_reason is not None:
        end = {"stop_reason": stop_reason, "stop_sequence": None} | delta
        events.append({"type": "message_delta", "delta": end, "usage": usage or {"output_tokens": 5}})
        events.append({"type": "message_stop"})
    return stream(*events)


def text(*pieces: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A text block in pieces."""
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]


@contextmanager
def running_script() -> Iterator[ScriptedClaude]:
    """Serve on a free port for the length of the block."""
    script = ScriptedClaude("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.requests.append((self.path, headers, body))
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            self.send_response(answer.status)
            for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
