"""Sends functions' output to CloudWatch Logs."""

import queue
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

MAX_LINES = 1_000
"""Of one call (Amazon CloudWatch Logs API Reference, PutLogEvents: 10,000 lines or 1 MB)."""


@dataclass(frozen=True)
class Line:
    group: str
    stream: str
    text: str
    at_ms: int


@dataclass
class Logs:
    """Accepts lines at any rate, and sends them from a thread of its own."""

    client: "CloudWatchLogsClient"
    _lines: "queue.Queue[Line]" = field(default_factory=queue.Queue)

    def open(self, group: str, stream: str) -> None:
        """Create a log stream."""
        self.client.create_log_stream(logGroupName=group, logStreamName=stream)

    def write(self, group: str, stream: str, text: str) -> None:
        self._lines.put(Line(group, stream, text, time.time_ns() // 1_000_000))

    def start(self) -> None:
        threading.Thread(target=self._send_for_ever, name="logs", daemon=True).start()

    def _send_for_ever(self) -> None:
        while True:
            lines = [self._lines.get()]
            while len(lines) < MAX_LINES and not self._lines.empty():
                lines.append(self._lines.get())
            self._send(lines)

    def _send(self, lines: list[Line]) -> None:
        by_stream = defaultdict(list)
        for line in lines:
            by_stream[line.group, line.stream].append(line)
        for (group, stream), some in by_stream.items():
            try:
                self.client.put_log_events(
                    logGroupName=group,
                    logStreamName=stream,
                    logEvents=[{"timestamp": line.at_ms, "message": line.text} for line in some],
                )
            except (BotoCoreError, ClientError) as error:
                print(f"{len(some)} lines of {group} are lost: {error}", file=sys.stderr, flush=True)
