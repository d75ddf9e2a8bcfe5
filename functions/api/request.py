"""The current request: its path, its project, and its time limit."""

from collections.abc import Mapping
from typing import Any

from a2a_tasks.domain.tracing.trace_context import TRACEPARENT, TRACESTATE, TraceContext
from functions.api.services import app

ANSWER_MS = 4_000
"""Part of the function's timeout that is reserved for the response, because the gateway waits no longer than
the function may run."""
LONGEST_WAIT_SECONDS = 25.0
"""Below the 29 seconds after which API Gateway gives up on an answer that is not streamed."""


def project() -> str:
    """The caller's project, from the authorizer."""
    project_id: str = app.current_event.request_context.authorizer["projectId"]
    return project_id


def trace() -> TraceContext | None:
    """The caller's span, if the request names one."""
    headers = app.current_event.headers
    return TraceContext.of(headers.get(TRACEPARENT), headers.get(TRACESTATE))


def milliseconds_left() -> int:
    """Milliseconds until the response must be sent."""
    left: int = app.lambda_context.get_remaining_time_in_millis()
    return left - ANSWER_MS


def seconds_to_wait() -> float:
    """Seconds for which a response without streaming may be waited for."""
    return min(LONGEST_WAIT_SECONDS, milliseconds_left() / 1000)


def below_base_path(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with its path relative to the API. A custom domain's base path is part of ``path`` but not of
    ``resource``, so its length is the difference in segments."""
    path, resource = event["path"].rstrip("/"), event["resource"]
    # by length and not by a list of prefixes, which could take the /a2a off an agent called a2a
    extra = path.count("/") - resource.count("/")
    return {**event, "path": "/" + path.split("/", extra + 1)[-1]} if extra > 0 else dict(event)
