"""What stands between the kit and the stack: it adds key and directive, and passes on streams in pieces."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from local.conformance.adapter import running_adapter

DIRECTIVES = {"ask": "[[standin: tool=ask_user:{}]]"}


class Upstream(ThreadingHTTPServer):
    """Answers with what it was sent; streams where that is asked for, the second half when it may go on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.may_go_on = Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/stage"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Upstream)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self.path.endswith(":stream"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"data: 1\n\n")
            self.server.may_go_on.wait(10)
            self.wfile.write(b"data: 2\n\n")
            return
        told = {"path": self.path, "key": self.headers["Authorization"], "body": body}
        sent = json.dumps(told | {"type": self.headers["Content-Type"], "url": self.server.address}).encode()
        self.send_response(418)
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", '"x"')
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def address(upstream: Upstream) -> Iterator[str]:
    with running_adapter(upstream.address, "the-key", DIRECTIVES) as address:
        yield address


def message(message_id: str) -> dict[str, Any]:
    return {"messageId": message_id, "parts": [{"text": "Hi."}]}


def test_what_is_asked_and_answered_passes_as_it_is_but_for_key_and_address(address: str) -> None:
    answer = httpx.post(f"{address}/a2a/x/?a=1", content="{no json", headers={"Content-Type": "a/b"})

    assert (answer.status_code, answer.headers["ETag"]) == (418, '"x"')
    assert answer.json() == {
        "path": "/stage/a2a/x/?a=1",
        "key": "Bearer the-key",
        "body": "{no json",
        "type": "a/b",
        "url": address,
    }


@pytest.mark.parametrize("wrap", [lambda each: {"message": each}, lambda each: {"params": {"message": each}}])
def test_a_message_of_either_binding_is_steered_by_its_id(address: str, wrap: Any) -> None:
    sent = json.loads(httpx.post(f"{address}/x", json=wrap(message("ask-1"))).json()["body"])

    expected = message("ask-1")
    expected["parts"].append({"text": DIRECTIVES["ask"]})
    assert sent == wrap(expected)


@pytest.mark.parametrize(
    "body", [[1], {"id": 1}, {"message": {"messageId": "ask", "parts": []}}, {"message": 1}]
)
def test_what_is_no_message_is_left_alone(address: str, body: Any) -> None:
    assert json.loads(httpx.post(f"{address}/x", json=body).json()["body"]) == body


def test_a_stream_comes_in_pieces(address: str, upstream: Upstream) -> None:
    with httpx.stream("POST", f"{address}/message:stream") as response:
        lines = (line for line in response.iter_lines() if line.startswith("data"))
        first = next(lines)
        upstream.may_go_on.set()
        assert [first, *lines] == ["data: 1", "data: 2"]
