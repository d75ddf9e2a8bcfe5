"""The functions' logs."""

import json
import time
from typing import Any

from tests.smoke.run import Run

ARRIVAL_SECONDS = 90
"""Logs are a few seconds late, and up to a minute at bad times."""
POLL_SECONDS = 3


def found(run: Run, function: str, text: str, since: float) -> list[dict[str, Any]]:
    """The JSON lines of a function that hold the text, logged since (Unix seconds)."""
    pages = run.target.client("logs").get_paginator("filter_log_events")
    lines = []
    for page in pages.paginate(
        logGroupName=run.target.log_group(function), startTime=int(since * 1000), filterPattern=f'"{text}"'
    ):
        lines += [line for event in page["events"] if (line := _json(event["message"]))]
    return lines


def awaited(run: Run, function: str, text: str, since: float, seconds: float = ARRIVAL_SECONDS) -> Any:
    """The first such line, once there is one. Raises ``TimeoutError``."""
    what = f"{text!r} in the log of {run.target.function(function)}"
    return run.time_limit.until(lambda: found(run, function, text, since), seconds, what, every=POLL_SECONDS)[
        0
    ]


def seconds_ago(seconds: float) -> float:
    """Unix seconds."""
    return time.time() - seconds


def _json(message: str) -> dict[str, Any]:
    """Empty for other lines, such as Lambda's own."""
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
