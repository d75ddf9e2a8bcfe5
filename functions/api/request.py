"""The request at hand: whose it is, and how long its answer may take."""

from functions.api.services import app

ANSWER_MS = 4_000
"""Of the function's time, kept back for the answer where a request is waited for: the gateway waits no
longer than the function may run."""
LONGEST_WAIT_SECONDS = 25.0


def project() -> str:
    """The caller's project, as the authorizer found it."""
    project_id: str = app.current_event.request_context.authorizer["projectId"]
    return project_id


def milliseconds_left() -> int:
    """Until the answer must be on its way."""
    left: int = app.lambda_context.get_remaining_time_in_millis()
    return left - ANSWER_MS


def seconds_to_wait() -> float:
    """For how long an answer that is not streamed may be waited for."""
    return min(LONGEST_WAIT_SECONDS, milliseconds_left() / 1000)
