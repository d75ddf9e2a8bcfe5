"""The gateway's HTTP server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from local.gateway.client import Client
from local.gateway.gateway import Gateway

HEALTH_PATH = "/_gateway/health"
"""No stage name begins with an underscore."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serving(gateway: Gateway, port: int) -> Iterator[str]:
    """Serve on 127.0.0.1 for the length of the block; yields the address. Raises OSError if the port is
    taken."""
    server = _Server(("127.0.0.1", port), _handler_of(gateway))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _handler_of(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60
        """Seconds that a client may neither send a request nor read its response."""

        def _serve(self) -> None:
            client = Client(self)
            if self.path == HEALTH_PATH:
                return client.send(200, [], b"")
            return gateway.answer(client, self.command, self.path, self._forwarded())

        def _forwarded(self) -> list[tuple[str, str]]:
            """The headers, with those that API Gateway adds."""
            port = self.connection.getsockname()[1]
            added = {"x-forwarded-port": str(port), "x-forwarded-proto": "http"}
            kept = [(name, value) for name, value in self.headers.items() if name.lower() not in added]
            return [*kept, *added.items()]

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):  # any method: the emulator's gateway knows which are allowed
                return self._serve
            raise AttributeError(name)

        def log_message(self, *_: Any) -> None:
            """Logs nothing: the functions log."""

    return Handler
