"""What callers send and get, as the OpenAPI document shows it."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from a2a_tasks.adapters import environment
from a2a_tasks.domain.task import Status

MAX_MESSAGE = 100_000
MAX_CONTEXT_BYTES = 256 * 1024
MAX_TIMEOUT_MS = environment.integer("MAX_TIMEOUT_MS")
"""This deployment's, so that its OpenAPI document says what it takes."""


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class NewTask(Model):
    """A task to hand over."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"message": "生成一个测试报告"}})

    message: Annotated[
        str, Field(min_length=1, max_length=MAX_MESSAGE, description="What the agent is to do.")
    ]
    timeout: Annotated[
        int | None,
        Field(
            strict=True,
            ge=1_000,
            le=MAX_TIMEOUT_MS,
            description="Milliseconds from now until the deadline; the agent's default if left out.",
        ),
    ] = None
    context: Annotated[
        dict[str, Any] | None, Field(description="A JSON object that the agent is given with the message.")
    ] = None

    @field_validator("message", "context")
    @classmethod
    def _can_be_stored(cls, value: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            raise ValueError("contains half of a surrogate pair, which is not text") from None
        except ValueError:
            raise ValueError("contains a number that is too large") from None
        except RecursionError:
            raise ValueError("is nested too deeply") from None
        return value


class Accepted(Model):
    """The task is stored and will end by its deadline."""

    task_id: str
    status: Literal["pending"]
    check_url: Annotated[str, Field(description="Path of the task, below the API's base URL.")]


class TaskFailure(Model):
    code: str
    message: str


class UsageView(Model):
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    turns: int
    cost_usd: Annotated[float | None, Field(description="An estimate from the deployment's price table.")] = (
        None
    )


class Output(Model):
    result: str
    partial: Annotated[
        bool | None, Field(description="True if the task failed before the answer was complete.")
    ] = None


class TaskView(Model):
    """A task. Times are UTC, ISO 8601 with milliseconds."""

    task_id: str
    agent_id: str
    status: Status
    created_at: str
    updated_at: str
    started_at: str | None = None
    completed_at: str | None = None
    attempts: int
    output: Output | None = None
    error_details: TaskFailure | None = None
    usage: UsageView | None = None


class TaskList(Model):
    """Tasks without their output, newest first; ``nextCursor`` is there while there may be more."""

    tasks: list[TaskView]
    next_cursor: str | None = None


class Canceled(Model):
    task_id: str
    status: Literal["canceled"]
    message: str


class FieldError(Model):
    field: str
    message: str


class ErrorBody(Model):
    """Every error: what went wrong and what to change, and a code to branch on."""

    error: str
    code: str
    details: list[FieldError] | None = None


class Health(Model):
    status: Literal["ok"]
