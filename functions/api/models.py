"""What callers send and get, as the OpenAPI document shows it."""

import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from a2a_tasks.adapters import environment
from a2a_tasks.domain import ids, queue_time
from a2a_tasks.domain.agents.agent import MAX_GROUPS
from a2a_tasks.domain.event import EventType, Reason
from a2a_tasks.domain.task import Lane, Priority, Status
from a2a_tasks.domain.text.blank import SHOWN, is_blank
from a2a_tasks.domain.webhooks.push import MAX_SECRETS
from a2a_tasks.domain.webhooks.target import MAX_URL
from a2a_tasks.tasks.submission import MAX_BATCH_TIMEOUT_MS

MAX_DELAY_SECONDS = 7 * 24 * 3600
ISO_8601 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d")
EXAMPLE_TIME = "2026-05-01T08:00:00Z"
MAX_FIELDS = 100
"""Of an object in a body, but for a context."""
MAX_MESSAGE = 100_000
MAX_CONTEXT_BYTES = 256 * 1024
MAX_TIMEOUT_MS = environment.integer("MAX_TIMEOUT_MS")
"""This deployment's, so that its OpenAPI document says what it takes."""


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, value: Any) -> Any:
        """Each that is not known is an error of its own, and pydantic collects them all."""
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            raise ValueError(f"has {len(value)} fields; at most {MAX_FIELDS} are taken")
        return value


def _is_session_id(value: str) -> str:
    if not ids.CONTEXT_ID.fullmatch(value):
        raise ValueError("should be 1 to 128 letters, digits and any of . _ ~ : @ -")
    return value


def _shows(value: str) -> str:
    if is_blank(value):
        raise ValueError("is blank; say something in it")
    return value


ConnectionId = Annotated[str, Field(pattern=f"^{ids.AGENT_ID.pattern}$")]
SessionId = Annotated[
    str,
    AfterValidator(_is_session_id),
    Field(json_schema_extra={"pattern": f"^{ids.CONTEXT_ID.pattern}$"}),
]
"""A conversation's id: the caller's own, or as an answer gave it."""
Message = Annotated[
    str,
    Field(min_length=1, max_length=MAX_MESSAGE, json_schema_extra={"pattern": SHOWN}),
    AfterValidator(_shows),
]
"""What is said to an agent."""


class NewPushAuthentication(Model):
    """The `Authorization` header that the receiver wants: `{scheme} {credentials}`."""

    model_config = ConfigDict(extra="forbid")

    scheme: Annotated[str, Field(min_length=1, max_length=64, description="Such as `Bearer`.")]
    credentials: Annotated[
        str | None, Field(max_length=4_000, description="Kept encrypted, and never shown again.")
    ] = None


class NewPushConfig(Model):
    """Where a task's changes are sent."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"url": "https://example.com/hook", "token": "t0ken"}}
    )

    id: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            description="Letters, digits, `_`, `.`, `~` and `-`; one is made if left out.",
        ),
    ] = None
    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_URL,
            description="An https address on the internet, with port 443 or one from 1024.",
        ),
    ]
    token: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=4_000,
            description=(
                "Comes back in `X-A2A-Notification-Token`. Kept encrypted, and never shown again; with the "
                f"credentials at most about {MAX_SECRETS} bytes."
            ),
        ),
    ] = None
    authentication: NewPushAuthentication | None = None


class NewTask(Model):
    """A task to hand over."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"message": "生成一个测试报告"}})

    message: Annotated[Message, Field(description="What the agent is to do.")]
    context: Annotated[
        dict[str, Any] | None, Field(description="A JSON object that the agent is given with the message.")
    ] = None
    session_id: Annotated[
        SessionId | None,
        Field(description="The conversation that it goes on with: the agent knows what was said in it."),
    ] = None
    priority: Annotated[Priority, Field(description="Who goes first where tasks wait for the agent.")] = (
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
        Field(strict=True, ge=0, le=MAX_DELAY_SECONDS, description="Start no earlier than so long from now."),
    ] = None
    not_before: Annotated[
        datetime | None,
        Field(
            description="Start no earlier than this moment (ISO 8601 with a time zone, at most 7 days ahead)."
        ),
    ] = None
    max_attempts: Annotated[
        int | None,
        Field(strict=True, ge=1, le=10, description="Tries in all, within what the agent allows."),
    ] = None
    max_cost_usd: Annotated[
        float | None,
        Field(
            strict=True,
            ge=0.000_001,
            le=1_000_000,
            description="Ends with BUDGET_EXCEEDED where its turns cost more.",
        ),
    ] = None
    max_tokens: Annotated[
        int | None,
        Field(
            strict=True,
            ge=1,
            le=1_000_000_000_000,
            description="The same for tokens, of all kinds and in all turns.",
        ),
    ] = None
    push_notification_config: Annotated[
        NewPushConfig | None,
        Field(description="Where the task's changes are sent; its `id` is the task's if left out."),
    ] = None
    notify: Annotated[
        list[ConnectionId],
        Field(
            max_length=MAX_GROUPS,
            description=(
                "WeCom connections of the project's groups that are told of the task's end and its questions,"
                " beside those of the agent."
            ),
        ),
    ] = []

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
        return _storable(value)


def _storable[T](value: T) -> T:
    """Raises ``ValueError`` for what is not text or JSON."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is not text") from None
    except ValueError:
        raise ValueError("contains a number that is too large") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return value


class NewTasks(Model):
    """Tasks to hand over at once."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"tasks": [{"message": "生成一个测试报告"}]}}
    )

    tasks: Annotated[
        list[Any],
        Field(min_length=1, max_length=100, description="Each as in the request for a single one."),
    ]


class Accepted(Model):
    """The task is stored and will end by its deadline."""

    task_id: str
    status: Literal["pending"]
    check_url: Annotated[str, Field(description="Path of the task, below the API's base URL.")]
    session_id: str | None = None


class NewMessage(Model):
    """The answer to an agent's question."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"message": "2026"}})

    message: Message

    @field_validator("message")
    @classmethod
    def _can_be_stored(cls, value: str) -> str:
        return _storable(value)


class Continued(Model):
    """The answer is stored, and the task goes on with the time that it had left."""

    task_id: str
    status: Status
    check_url: Annotated[str, Field(description="Path of the task, below the API's base URL.")]


class TaskFailure(Model):
    code: str
    message: str


class UsageSum(Model):
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    turns: int
    web_searches: Annotated[
        int | None, Field(description="Of Claude's own web search, if there were any.")
    ] = None
    cost_usd: Annotated[
        float | None,
        Field(
            description="An estimate, from list prices or the deployment's own; absent where one is unknown."
        ),
    ] = None


class UsageOfModel(UsageSum):
    model: str


class UsageOfAttempt(UsageSum):
    attempt: int


class UsageView(UsageSum):
    """The sum of all attempts, with the tasks that it started; and the same by model and by attempt."""

    by_model: list[UsageOfModel]
    by_attempt: list[UsageOfAttempt]


class Artifact(Model):
    """A result beside the answer. ``url`` works for up to an hour; each read gives a new one."""

    artifact_id: str
    name: str
    media_type: str
    size_bytes: int | None = None
    url: str
    external: Annotated[
        bool | None,
        Field(
            description="True of a link that the agent gave: it leads out of this service, and nobody has "
            "looked at what is there. Absent for files that this service keeps."
        ),
    ] = None


class Output(Model):
    """``data`` is there where the agent has an output schema. Artifacts are there as soon as they are
    saved, ``result`` when the task has ended."""

    result: str | None = None
    data: Any = None
    artifacts: list[Artifact] | None = None
    partial: Annotated[
        bool | None, Field(description="True if the task ended before the answer was complete.")
    ] = None
    notes: Annotated[
        list[str] | None, Field(description="What is missing from the results, such as a file and why.")
    ] = None


class Progress(Model):
    """What a task is doing: its turn and the tool in use, and what the agent itself reported."""

    turn: int
    tool: str | None = None
    step: str | None = None
    percent: int | None = None


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
    not_before: str | None = None
    priority: Priority | None = None
    lane: Lane | None = None
    session_id: Annotated[str | None, Field(description="The conversation that it belongs to.")] = None
    progress: Progress | None = None
    question: Annotated[
        str | None, Field(description="What the agent asks, while the task is input_required.")
    ] = None
    output: Output | None = None
    error_details: TaskFailure | None = None
    usage: UsageView | None = None


class TaskList(Model):
    """Tasks without their output, newest first; ``nextCursor`` is there while there may be more."""

    tasks: list[TaskView]
    next_cursor: str | None = None


class TaskEvent(Model):
    """One step of a task's course. Its fields are those of its type:

    `status`: a change of state; `attempt` where it is running, `reason` where it is pending once more, `code`
    where it has failed or tries again, `model` where it goes on with another one. `turn`: a reply of the
    model, the tools that it calls, and the `model` that stood in where the agent's own refused. `tool`: a
    tool begins that writes files or starts another agent's task. `progress`: what the agent reported.
    `artifact`: a result was saved beside the answer.
    """

    id: Annotated[str, Field(description="Its number in the task, from 1. Numbers rise.")]
    at: str
    type: EventType
    status: Status | None = None
    attempt: int | None = None
    reason: Reason | None = None
    code: str | None = None
    turn: int | None = None
    tools: list[str] | None = None
    model: str | None = None
    tool: str | None = None
    step: Annotated[str | None, Field(description="Its beginning; the task's progress has the whole.")] = None
    percent: int | None = None
    artifact_id: str | None = None
    name: str | None = None


class TaskEvents(Model):
    """Events in order. From 250 on, `turn`, `tool` and `progress` take each other's place where nothing else
    comes between, so a late reader finds the last of them and a gap in the numbers."""

    events: list[TaskEvent]
    next_cursor: Annotated[str, Field(description="`after` of the next request.")]
    task_status: Status


class Canceled(Model):
    task_id: str
    status: Literal["canceled"]
    message: str


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
        return _storable(value)


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


class PushAuthentication(Model):
    scheme: str


class PushConfigView(Model):
    """Where a task's changes are sent. Token and credentials are never shown."""

    id: str
    task_id: str
    url: str
    authentication: PushAuthentication | None = None


class PushConfigList(Model):
    """In the order of their ids."""

    configs: list[PushConfigView]


class Deleted(Model):
    """Nothing more to say."""


class FieldError(Model):
    field: str
    message: str


class ErrorBody(Model):
    """Every error: what went wrong and what to change, and a code to branch on."""

    error: str
    code: str
    details: list[FieldError] | None = None
    task_id: Annotated[
        str | None, Field(description="The task whose end this tells, where a message was waited for.")
    ] = None


class CreatedTasks(Model):
    """In the order of the request's tasks: each accepted, or why it was not."""

    results: list[Accepted | ErrorBody]


class Health(Model):
    status: Literal["ok"]
