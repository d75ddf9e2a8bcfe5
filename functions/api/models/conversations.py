"""Messages and conversations, as callers send and get them."""

from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    field_validator,
)

from a2a_tasks.domain.task import Status
from functions.api.models.fields import ApiModel, Message, SessionId, storable
from functions.api.models.push_configs import NewPushConfig
from functions.api.models.task_view import ArtifactView


class NewAnswer(ApiModel):
    """The answer to an agent's question."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"message": "2026"}})

    message: Message

    @field_validator("message")
    @classmethod
    def _can_be_stored(cls, value: str) -> str:
        return storable(value)


class AnswerAccepted(ApiModel):
    """The answer is stored, and the task continues with its remaining time."""

    task_id: str
    status: Status
    check_url: Annotated[str, Field(description="Path of the task, below the API's base URL.")]


class NewConversationMessage(ApiModel):
    """A message to the agent whose answer is waited for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"message": "你好", "sessionId": "order-7"}}
    )

    message: Annotated[Message, Field(description="The message to the agent.")]
    session_id: Annotated[
        SessionId | None,
        Field(
            description=(
                "The conversation; a new one if left out. If its agent has asked a question, this"
                " is the answer."
            )
        ),
    ] = None
    context: Annotated[
        dict[str, Any] | None, Field(description="A JSON object that the agent sees with the message.")
    ] = None
    push_notification_config: Annotated[
        NewPushConfig | None,
        Field(description="Where the task's changes are sent, as with a new task."),
    ] = None

    @field_validator("message", "context")
    @classmethod
    def _can_be_stored(cls, value: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        return storable(value)


class AnswerMetadata(ApiModel):
    processing_time_ms: Annotated[int, Field(description="From the task's start to its end, or question.")]
    tokens_used: Annotated[int, Field(description="Tokens of all kinds, in all of the task's turns.")]


class AnswerView(ApiModel):
    """The agent's answer, or with `input_required` its question, which the next message of the conversation
    answers."""

    response: str
    session_id: str
    task_id: str
    status: Literal["completed", "input_required"]
    data: Annotated[Any, Field(description="Present if the agent has an output schema.")] = None
    artifacts: list[ArtifactView] | None = None
    metadata: AnswerMetadata


class PendingAnswer(ApiModel):
    """There is no answer yet; the task continues, and `checkUrl` will have the answer."""

    task_id: str
    status: Status
    check_url: Annotated[str, Field(description="Path of the task, below the API's base URL.")]
    session_id: str
    retry_after_seconds: Annotated[
        int | None,
        Field(description="At the end of a stream: seconds until the task can continue."),
    ] = None


class MessageView(ApiModel):
    role: Literal["user", "agent"]
    text: str
    task_id: str
    at: str


class ConversationView(ApiModel):
    """Messages, oldest first; ``nextCursor`` is present while there may be more."""

    session_id: str
    messages: list[MessageView]
    next_cursor: str | None = None


class DeletedConversation(ApiModel):
    session_id: str
    message: str
