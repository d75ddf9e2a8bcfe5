"""Meters what a function's process uses that is charged: AWS calls, and log output.

It runs on the functions' own Python, which has no packages except the function's code and layers.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from math import ceil
from threading import Lock
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from bench.support.dynamodb_units import Index, Units

SQS_CHUNK = 64 * 1024
"""Bytes of one billed request: https://aws.amazon.com/sqs/pricing/"""


@dataclass(frozen=True)
class Call:
    """One AWS call. ``cpu`` and ``seconds`` are those of its thread; ``requests`` are SQS's, which counts
    long messages as several; units are DynamoDB's."""

    service: str
    operation: str
    cpu: float
    seconds: float
    requests: int = 1
    write_units: float = 0
    read_units: float = 0


@dataclass
class Meter:
    """Counts until ``take`` returns the counts. ``cpu`` are the processor seconds of the counting itself."""

    indexes: tuple[Index, ...]
    calls: list[Call] = field(default_factory=list)
    cpu: float = 0
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count for every AWS client in this process, in all threads, for the length of the block."""
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def make_api_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            service = client.meta.service_model.service_name
            began, units, spent = time.thread_time(), Units(self.indexes), [0.0, 0.0]

            def call(client: Any, made: str, parameters: dict[str, Any]) -> Any:
                cpu, started = time.thread_time(), time.perf_counter()
                try:
                    return original(client, made, parameters)
                finally:
                    if made == operation:  # and not a read of the item that it writes
                        spent[:] = time.thread_time() - cpu, time.perf_counter() - started

            try:
                if service == "dynamodb":
                    return units.metered(client, operation, parameters, call)
                return call(client, operation, parameters)
            finally:
                requests = requests_of(parameters) if service == "sqs" else 1
                cpu, seconds = spent
                writes, reads = units.take()
                counted = Call(service, operation, cpu, seconds, requests, writes, reads)
                with self._lock:
                    self.calls.append(counted)
                    self.cpu += time.thread_time() - began - spent[0]

        with patch.object(BaseClient, "_make_api_call", make_api_call):
            yield

    def take(self) -> tuple[list[dict[str, Any]], float]:
        """The calls since the previous ``take``, as JSON, and the processor seconds of counting them."""
        with self._lock:
            taken = [asdict(call) for call in self.calls], self.cpu
            self.calls, self.cpu = [], 0
        return taken


@dataclass
class Log:
    """Standard output of a function: its log, and the metrics in it. Only the figures are stored."""

    lines: int = 0
    bytes: int = 0
    metrics: set[str] = field(default_factory=set)
    _rest: str = ""

    def write(self, text: str) -> int:
        self._rest += text
        *whole, self._rest = self._rest.split("\n")
        for line in whole:
            self._count(line)
        return len(text)

    def flush(self) -> None:
        """Nothing is buffered."""

    def isatty(self) -> bool:
        return False

    def take(self) -> dict[str, Any]:
        """The log output since the previous call."""
        taken = {"lines": self.lines, "bytes": self.bytes, "metrics": sorted(self.metrics)}
        self.lines, self.bytes, self.metrics = 0, 0, set()
        return taken

    def _count(self, line: str) -> None:
        self.lines += 1
        self.bytes += len(line.encode())
        if '"_aws"' in line:
            self.metrics.update(_metrics(json.loads(line)))
        print(line, file=sys.stderr)


def _metrics(line: dict[str, Any]) -> Iterator[str]:
    """The metrics that CloudWatch extracts from a line in its embedded metric format."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for dimensions in directive["Dimensions"]:
            under = " ".join(f"{name}={line[name]}" for name in dimensions)
            yield from (f"{metric['Name']} {under}" for metric in directive["Metrics"])


def requests_of(parameters: dict[str, Any]) -> int:
    """The number of requests that SQS bills."""
    messages = parameters.get("Entries", [parameters])
    size = sum(len(message.get("MessageBody", "").encode()) for message in messages)
    return max(1, ceil(size / SQS_CHUNK))
