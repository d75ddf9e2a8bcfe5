"""Server-sent events (WHATWG HTML Living Standard, §9.2)."""

import json
from collections.abc import Mapping
from typing import Any

CONTENT_TYPE = "text/event-stream"
KEEP_ALIVE = b": keep-alive\n\n"
"""A comment that keeps an idle connection open."""


def message(
    data: Mapping[str, Any],
    *,
    event: str | None = None,
    event_id: str | None = None,
    retry_ms: int | None = None,
) -> bytes:
    """One event. ``data`` is JSON on one line; ``retry_ms`` is the client's reconnection delay."""
    lines = [f"id: {event_id}"] if event_id is not None else []
    lines += [f"event: {event}"] if event is not None else []
    lines += [f"retry: {retry_ms}"] if retry_ms is not None else []
    # JSON has no line feeds of its own, so one line is enough
    lines.append(f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}")
    return ("\n".join(lines) + "\n\n").encode(errors="surrogatepass")
