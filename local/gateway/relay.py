"""Relays a function's response to the client."""

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from a2a_tasks.runtime.answer import DELIMITER
from local.gateway.client import Client
from local.gateway.environment import Environment
from local.gateway.errors import GatewayErrors
from local.gateway.runtime_api import END, Invocation

IDLE_SECONDS = 300.0
"""Without a chunk, at a regional endpoint (Amazon API Gateway Developer Guide, "Stream the integration
response for your proxy integrations")."""


class NotAnAnswer(Exception):
    """The function's output is not in the format of streamed responses."""


class TimeIsUp(Exception):
    """The integration's timeout, or the idle timeout, has expired."""


@dataclass
class Relay:
    """Relays one invocation's response. As on AWS, the function continues until its own timeout if the client
    has disconnected or the gateway's timeout has expired."""

    client: Client
    errors: GatewayErrors
    timeout_seconds: float
    clock: Callable[[], float] = time.monotonic

    def run(self, environment: Environment, event: Any) -> None:
        """Returns when the function has ended; it is killed at its timeout."""
        invocation = environment.invoke(event)
        seconds = environment.function.timeout_seconds

        def kill() -> None:
            if not invocation.done.is_set():
                environment.end(f"{invocation.request_id} Task timed out after {seconds:.2f} seconds")

        killer = threading.Timer(seconds, kill)
        killer.daemon = True
        killer.start()
        try:
            self._answer(invocation, self.clock() + self.timeout_seconds)
        except TimeIsUp:
            self.client.cut()
        invocation.done.wait()
        killer.cancel()

    def _answer(self, invocation: Invocation, end: float) -> None:
        try:
            status, headers, body = self._head(invocation, end)
        except NotAnAnswer:
            return self._send_error("INTEGRATION_FAILURE", 502)
        except TimeIsUp:
            return self._send_error("INTEGRATION_TIMEOUT", 504)
        self.client.start_stream(status, headers)
        self.client.send_piece(body)
        while (piece := self._piece(invocation, end)) != END:
            self.client.send_piece(piece)
        if invocation.has_failed:
            return self.client.cut()
        return self.client.end_stream()

    def _head(self, invocation: Invocation, end: float) -> tuple[int, list[tuple[str, str]], bytes]:
        """The status, the headers, and the part of the body that has arrived with them."""
        received = b""
        while DELIMITER not in received:
            piece = self._piece(invocation, end)
            if piece == END:
                raise NotAnAnswer
            received += piece
        metadata, _, body = received.partition(DELIMITER)
        try:
            head = json.loads(metadata)
            one = list((head.get("headers") or {}).items())
            many = (head.get("multiValueHeaders") or {}).items()
            headers = one + [(name, value) for name, values in many for value in values]
            return int(head["statusCode"]), headers, body
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotAnAnswer from None

    def _piece(self, invocation: Invocation, end: float) -> bytes:
        try:
            return invocation.pieces.get(timeout=max(0.0, min(IDLE_SECONDS, end - self.clock())))
        except queue.Empty:
            raise TimeIsUp from None

    def _send_error(self, response_type: str, status: int) -> None:
        answer = self.errors.answer(response_type, status)
        self.client.send(answer.status, answer.headers, answer.body)
