"""Common parameters and responses of routes."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Header, Path

from functions.api.models.operations import ErrorBody

AgentId = Annotated[str, Path(description="The agent's id.")]
TaskId = Annotated[str, Path(description="The task's id, from the response to its creation.")]
ContextId = Annotated[str, Path(description="The conversation's id: the `sessionId` of its messages.")]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="A retry with the same key within 24 hours creates nothing new.",
    ),
]


def refusals(*statuses: int) -> dict[int, Any]:
    """Documentation of a route's error responses."""
    content = {"application/json": {"model": ErrorBody}}
    return {status: {"description": "Refused", "content": content} for status in statuses}
