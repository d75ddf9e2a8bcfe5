"""Messages and conversations, as callers send and get them."""

from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    field_validator,
)

from a2a_tasks.domain.task import Status
from functions.api.models.fields import Message, Model, SessionId, storable
from functions.api.models.push_configs import NewPushConfig
from functions.api.models.task_view import Artifact


class NewMessage(Model):
    """The answer to an agent's question."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"message": "2026"}})

    message: Message

    @field_validator("message")
    @classmethod
    def _can_be_stored(cls, value: str) -> str:
        return storable(value)


class Continued(Model):
    """The answer is stored, and the task goes on with the time that it had left."""

    task_id: str
    status: Status
    check_url: Annotated[str, Field(description="Path of the task, below the API's base URL.")]


class NewExchange(Model):
    """Something to say to the agent, and to wait for its answer."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"message": "你好", "sessionId": "order-7"}}
    )

    message: Annotated[Message, Field(description="What is said to the agent.")]
    session_id: Annotated[
        SessionId | None,
        Field(
            description=(
                "The conversation; a new one if left out. If its agent asks something, this is the answer."
            )
        ),
    ] = None
    context: Annotated[
        dict[str, Any] | None, Field(description="A JSON object that the agent is given with the message.")
    ] = None
    push_notification_config: Annotated[
        NewPushConfig | None,
        Field(description="Where the task's changes are sent, as with a new task."),
    ] = None

    @field_validator("message", "context")
    @classmethod
    def _can_be_stored(cls, value: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        return storable(value)


class ExchangeMetadata(Model):
    processing_time_ms: Annotated[int, Field(description="From the task's start to its end, or question.")]
    tokens_used: Annotated[int, Field(description="Tokens of all kinds, in all of the task's turns.")]


class Answered(Model):
    """The agent's answer, or with `input_required` its question: the next message of the conversation is the
    answer to it."""

    response: str
    session_id: str
    task_id: str
    status: Literal["completed", "input_required"]
    data: Annotated[Any, Field(description="There where the agent has an output schema.")] = None
    artifacts: list[Artifact] | None = None
    metadata: ExchangeMetadata


class GoesOn(Model):
    """There is no answer yet; the task goes on, and `checkUrl` will have it."""

    task_id: str
    status: Status
    check_url: Annotated[str, Field(description="Path of the task, below the API's base URL.")]
    session_id: str
    retry_after_seconds: Annotated[
        int | None,
        Field(description="At the end of a stream: so long nothing will happen to the task."),
    ] = None


class SaidMessage(Model):
    role: Literal["user", "agent"]
    text: str
    task_id: str
    at: str


class ConversationView(Model):
    """What was said, the oldest first; ``nextCursor`` is there while there may be more."""

    session_id: str
    messages: list[SaidMessage]
    next_cursor: str | None = None


class DeletedConversation(Model):
    session_id: str
    message: str
