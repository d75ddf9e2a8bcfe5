"""`make run` ends by itself where a step does not: without a real minute, by a clock of the test's."""

import io
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from rich.console import Console

from local.demo import Access, run_task, show_chat
from local.stall import HANG_SECONDS, StallTimeout
from local.tools import ToolError, run_tool
from local.wecom.exchange import Exchange

TASK = {"taskId": "01a", "status": "pending", "updatedAt": "2026-11-27T00:00:00Z"}


class Clock:
    """Moves on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def api(answers: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[Access]:
    """An API that answers so, one after the other."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = next(answers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield Access(url, "key", "assistant", "demo", url, url)
        server.shutdown()


def impatient(clock: Clock) -> StallTimeout:
    return StallTimeout("The demo task", "Look at the logs.", clock, clock.sleep)


def console() -> Console:
    return Console(file=io.StringIO())


def always(status: int, body: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    while True:
        yield status, body


def test_a_task_that_nobody_takes_ends_the_demo_within_a_minute() -> None:
    clock = Clock()

    with api(always(200, TASK)) as access, pytest.raises(ToolError) as error:
        run_task(access, console(), impatient(clock))

    assert str(error.value) == (
        "The demo task hangs: no change for 60 seconds. Last seen: 01a was pending, updated at "
        "2026-11-27T00:00:00Z.\nLook at the logs."
    )
    assert clock.now == HANG_SECONDS


def test_a_task_that_is_at_work_is_waited_for() -> None:
    clock = Clock()

    def answers() -> Iterator[tuple[int, dict[str, Any]]]:
        for beat in range(5):
            for _ in range(200):  # fifty seconds
                yield 200, TASK | {"status": "running", "updatedAt": str(beat)}
        yield 200, TASK | {"status": "completed"}

    with api(answers()) as access:
        task = run_task(access, console(), impatient(clock))

    assert task["status"] == "completed"
    assert clock.now > 3 * HANG_SECONDS


def test_what_the_api_refuses_is_told_in_its_words() -> None:
    with (
        api(always(500, {"code": "INTERNAL_ERROR"})) as access,
        pytest.raises(ToolError, match=r'returned 500: .*INTERNAL_ERROR"}\nSee `make logs FUNCTION=api`'),
    ):
        run_task(access, console())


def test_an_api_that_has_gone_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: whoever connects is refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        with pytest.raises(ToolError, match=r"POST http.* failed: ConnectError"):
            run_task(Access(url, "key", "assistant", "demo", url, url), console())


def test_a_chat_that_nobody_answers_ends_the_demo_within_a_minute() -> None:
    clock = Clock()
    open_for_ever = Exchange("1", "bot", "LiLei", "LiLei", "m", started_at=0)

    with pytest.raises(ToolError, match=r"hangs: .* Last seen: no answer of the bot\.\nLook at the logs"):
        show_chat(lambda: open_for_ever, console(), impatient(clock))

    assert clock.now == HANG_SECONDS


def test_a_tool_that_hangs_is_killed_with_all_that_it_has_started() -> None:
    child = "import subprocess, sys; print('begun', flush=True); subprocess.run(['sleep', '3600'])"

    # its output ends when nobody holds it any more, also no child
    with pytest.raises(ToolError, match=r"has not ended within 1 seconds:\nbegun$"):
        run_tool([sys.executable, "-c", child], seconds=1)
