"""Fetching the files that people send, from a real server."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from a2a_tasks.adapters.wecom.chat_files import HttpFiles
from a2a_tasks.wecom.ports import FileTooLarge, FileUnavailable, SentFile

FILES = HttpFiles(allow_loopback=True)


class Host:
    """Answers every GET by what ``reply`` does."""

    def __init__(self) -> None:
        self.url = ""
        self.paths: list[str] = []
        self.reply: Callable[[BaseHTTPRequestHandler], None] = lambda handler: send(handler, b"content")


def send(handler: BaseHTTPRequestHandler, content: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if "Transfer_Encoding" not in headers:
        handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.paths.append(self.path)
            try:
                host.reply(self)
            except ConnectionError:
                return

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_file_is_fetched_with_its_query(host: Host) -> None:
    assert FILES.fetch(f"{host.url}/a%20b?sign=1%2B2", 100, 5) == SentFile(b"content", "")
    assert host.paths == ["/a%20b?sign=1%2B2"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename=report.pdf", "report.pdf"),
        ("attachment; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf; filename=\"x\"", "报告.pdf"),
        ('attachment; filename="..\\\\..\\\\etc/passwd"', "passwd"),
        ("attachment", ""),
    ],
)
def test_its_name_is_what_it_is_to_be_saved_as(host: Host, disposition: str, name: str) -> None:
    host.reply = lambda handler: send(handler, b"content", Content_Disposition=disposition)
    assert FILES.fetch(host.url, 100, 5).name == name


@pytest.mark.parametrize("has_length", [True, False])
def test_what_is_too_large_is_not_read(host: Host, has_length: bool) -> None:
    sent = 0

    def reply(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        if has_length:
            handler.send_header("Content-Length", str(10**9))
        handler.end_headers()
        while sent < 10**8:
            handler.wfile.write(bytes(10**6))
            sent += 10**6

    host.reply = reply
    with pytest.raises(FileTooLarge):
        FILES.fetch(host.url, 10**6, 5)
    time.sleep(0.05)
    assert sent < 10**8
    host.reply = lambda handler: send(handler, bytes(10**6))
    assert len(FILES.fetch(host.url, 10**6, 5).content) == 10**6


@pytest.mark.parametrize("status", [301, 302, 404, 500])
def test_neither_errors_nor_redirections_are_files(host: Host, status: int) -> None:
    host.reply = lambda handler: send(handler, b"x", status, Location=host.url)
    with pytest.raises(FileUnavailable, match=f"status {status}"):
        FILES.fetch(host.url, 100, 5)
    assert len(host.paths) == 1


def test_who_is_slow_is_not_waited_for(host: Host) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(50):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    host.reply = reply
    # who waits has the whole file, and no error
    with pytest.raises(FileUnavailable):
        FILES.fetch(host.url, 100, 0.3)


def test_who_breaks_off_has_sent_no_file(host: Host) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")

    host.reply = reply
    with pytest.raises(FileUnavailable):
        FILES.fetch(host.url, 100, 5)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/",
        "https://localhost/x",
        "https://user:secret@example.com/",
        "file:///etc/passwd",
        "nonsense",
        "https://example.com:25/",
        "https://exa mple.com/",
    ],
)
def test_nothing_inside_is_asked(url: str) -> None:
    with pytest.raises(FileUnavailable) as raised:
        FILES.fetch(url, 100, 1)
    assert "secret" not in str(raised.value)


def test_a_name_that_leads_inside_is_not_followed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(host.url.rpartition(":")[2])
    inside = [(2, 1, 6, "", ("10.0.0.1", port)), (2, 1, 6, "", ("93.184.216.34", port))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: inside)
    with pytest.raises(FileUnavailable, match="not on the internet"):
        FILES.fetch("https://files.example.com/x", 100, 1)


def test_this_machine_is_asked_on_the_local_stack_alone(host: Host) -> None:
    with pytest.raises(FileUnavailable):
        HttpFiles().fetch(host.url, 100, 1)
    assert host.paths == []
