"""Tasks to hand over, and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from a2a_tasks.domain import queue_time
from a2a_tasks.domain.agents.agent import MAX_GROUPS
from a2a_tasks.domain.task import Lane, Priority
from a2a_tasks.tasks.submission import MAX_BATCH_TIMEOUT_MS
from functions.api.models.fields import (
    EXAMPLE_TIME,
    ISO_8601,
    MAX_DELAY_SECONDS,
    MAX_TIMEOUT_MS,
    ApiModel,
    ConnectionId,
    Message,
    SessionId,
    storable,
)
from functions.api.models.operations import ErrorBody
from functions.api.models.push_configs import NewPushConfig


class NewTask(ApiModel):
    """A new task."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"message": "生成一个测试报告"}})

    message: Annotated[Message, Field(description="The task for the agent.")]
    context: Annotated[
        dict[str, Any] | None, Field(description="A JSON object that the agent sees with the message.")
    ] = None
    session_id: Annotated[
        SessionId | None,
        Field(description="The conversation that the task continues; the agent sees its earlier messages."),
    ] = None
    priority: Annotated[Priority, Field(description="Priority among tasks that wait for the agent.")] = (
        Priority.NORMAL
    )
    # before what it bounds: pydantic validates in this order
    lane: Annotated[
        Lane,
        Field(description="`batch`: within a day, at half the price, for agents without tools."),
    ] = Lane.STANDARD
    timeout: Annotated[
        int | None,
        Field(
            strict=True,
            ge=1_000,
            description=(
                "Milliseconds from its start to its deadline; the agent's default if left out. At most "
                f"{MAX_TIMEOUT_MS}, or {MAX_BATCH_TIMEOUT_MS} in the batch lane, whose default it is."
            ),
            json_schema_extra={"maximum": max(MAX_TIMEOUT_MS, MAX_BATCH_TIMEOUT_MS)},
        ),
    ] = None
    queue_timeout: Annotated[
        int | None,
        Field(
            strict=True,
            ge=queue_time.SHORTEST,
            le=queue_time.LONGEST,
            description=(
                "Milliseconds that it may wait for its start, from when it may start; the agent's default if "
                "left out, and a day where that has none. Then it fails (`QUEUE_TIMEOUT`)."
            ),
        ),
    ] = None
    delay_seconds: Annotated[
        int | None,
        Field(
            strict=True,
            ge=0,
            le=MAX_DELAY_SECONDS,
            description="Start no earlier than this many seconds from now.",
        ),
    ] = None
    not_before: Annotated[
        datetime | None,
        Field(
            description="Start no earlier than this moment (ISO 8601 with a time zone, at most 7 days ahead)."
        ),
    ] = None
    max_attempts: Annotated[
        int | None,
        Field(strict=True, ge=1, le=10, description="Maximum number of attempts, within the agent's limit."),
    ] = None
    max_cost_usd: Annotated[
        float | None,
        Field(
            strict=True,
            ge=0.000_001,
            le=1_000_000,
            description="The task ends with BUDGET_EXCEEDED if its turns cost more.",
        ),
    ] = None
    max_tokens: Annotated[
        int | None,
        Field(
            strict=True,
            ge=1,
            le=1_000_000_000_000,
            description="The limit in tokens, of all kinds and in all turns.",
        ),
    ] = None
    push_notification_config: Annotated[
        NewPushConfig | None,
        Field(description="Where the task's changes are sent; without an `id`, the task's is used."),
    ] = None
    notify: Annotated[
        list[ConnectionId],
        Field(
            max_length=MAX_GROUPS,
            description=(
                "WeCom connections of the project's groups that are notified of the task's end "
                "and questions, in addition to the agent's."
            ),
        ),
    ] = []  # noqa: RUF012  pydantic copies it

    @field_validator("timeout")
    @classmethod
    def _is_within_its_lane(cls, value: int | None, info: ValidationInfo) -> int | None:
        limit = MAX_BATCH_TIMEOUT_MS if info.data.get("lane") is Lane.BATCH else MAX_TIMEOUT_MS
        if value is not None and value > limit:
            raise ValueError(f"input should be less than or equal to {limit}")
        return value

    @field_validator("not_before", mode="before")
    @classmethod
    def _is_iso_8601(cls, value: Any) -> Any:
        """Pydantic alone would take seconds and milliseconds since 1970 too, and guess which."""
        if value is not None and not (isinstance(value, str) and ISO_8601.match(value)):
            raise ValueError(f"should be an ISO 8601 date and time, such as {EXAMPLE_TIME}")
        return value

    @field_validator("not_before")
    @classmethod
    def _has_a_time_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"needs a time zone, such as {EXAMPLE_TIME}")
        return value

    @field_validator("delay_seconds", "not_before")
    @classmethod
    def _is_the_only_start[T](cls, value: T | None, info: ValidationInfo) -> T | None:
        if value is not None and info.data.get("lane") is Lane.BATCH:
            raise ValueError("is not for the batch lane; leave one of them out")
        if value is not None and info.data.get("delay_seconds") is not None:
            raise ValueError("cannot be given together with delaySeconds; leave one of them out")
        return value

    @field_validator("message", "context")
    @classmethod
    def _can_be_stored(cls, value: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        return storable(value)


class NewTasks(ApiModel):
    """Tasks to create together."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"tasks": [{"message": "生成一个测试报告"}]}}
    )

    tasks: Annotated[
        list[Any],
        Field(min_length=1, max_length=100, description="Each as in a request for a single task."),
    ]


class Accepted(ApiModel):
    """The task is stored and will end by its deadline."""

    task_id: str
    status: Literal["pending"]
    check_url: Annotated[str, Field(description="Path of the task, below the API's base URL.")]
    session_id: str | None = None


class Canceled(ApiModel):
    task_id: str
    status: Literal["canceled"]
    message: str


class CreatedTasks(ApiModel):
    """In the order of the request's tasks: accepted, or the reason for the refusal."""

    results: list[Accepted | ErrorBody]
