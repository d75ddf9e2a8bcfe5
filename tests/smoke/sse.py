"""Server-sent events as they arrive."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.smoke.check import Failed
from tests.smoke.tenant import A2A_VERSION, Tenant
from tests.smoke.time_limit import TimeLimit

SILENCE_SECONDS = 60.0
"""Without even a keep-alive, which the service sends every five seconds."""


@dataclass(frozen=True)
class Piece:
    """One event: ``at`` is when it arrived, in seconds of a monotonic clock."""

    at: float
    name: str
    data: dict[str, Any]


@contextmanager
def opened(
    tenant: Tenant, method: str, path: str, time_limit: TimeLimit, **options: Any
) -> Iterator[Iterator[Piece]]:
    """The events of a stream, until it ends or the block does. Raises ``Failed`` if there is no stream."""
    headers = {
        "Authorization": f"Bearer {tenant.key}",
        "Accept": "text/event-stream",
        "A2A-Version": A2A_VERSION,
    }
    timeout = httpx.Timeout(SILENCE_SECONDS, connect=10)
    with (
        httpx.Client(timeout=timeout, trust_env=not tenant.target.is_emulated) as client,
        client.stream(method, f"{tenant.target.api_url}{path}", headers=headers, **options) as answer,
    ):
        if answer.status_code != 200:
            raise Failed(f"{method} {path} returned {answer.status_code}: {answer.read()[:300]!r}")
        yield _pieces(answer, time_limit)


def _pieces(answer: httpx.Response, time_limit: TimeLimit) -> Iterator[Piece]:
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield Piece(time.monotonic(), name, json.loads(line.removeprefix("data: ")))
            name = ""
        if not time_limit.left:
            raise TimeoutError(f"the stream had not ended after {time_limit.seconds:.0f} s")
