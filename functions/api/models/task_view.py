"""A task, as callers get it."""

from typing import Annotated, Any

from pydantic import (
    Field,
)

from a2a_tasks.domain.history.event import EventType, PendingReason
from a2a_tasks.domain.task import Lane, Priority, Status
from functions.api.models.fields import ApiModel


class TaskFailure(ApiModel):
    code: str
    message: str


class UsageSum(ApiModel):
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
            description=(
                "An estimate, from list prices or the deployment's own; absent if a price is unknown."
            )
        ),
    ] = None


class UsageOfModel(UsageSum):
    model: str


class UsageOfAttempt(UsageSum):
    attempt: int


class UsageView(UsageSum):
    """The sum of all attempts, including started tasks; also by model and by attempt."""

    by_model: list[UsageOfModel]
    by_attempt: list[UsageOfAttempt]


class ArtifactView(ApiModel):
    """A result beside the answer. ``url`` is valid for up to an hour; each read returns a new one."""

    artifact_id: str
    name: str
    media_type: str
    size_bytes: int | None = None
    url: str
    external: Annotated[
        bool | None,
        Field(
            description=(
                "True for a link that the agent gave: it leads out of this service, and its "
                "target was not checked. Absent for files stored by this service."
            )
        ),
    ] = None


class Output(ApiModel):
    """``data`` is there where the agent has an output schema. Artifacts are there as soon as they are
    saved, ``result`` when the task has ended."""

    result: str | None = None
    data: Any = None
    artifacts: list[ArtifactView] | None = None
    partial: Annotated[
        bool | None, Field(description="True if the task ended before the answer was complete.")
    ] = None
    notes: Annotated[
        list[str] | None, Field(description="What is missing from the results, such as a file and why.")
    ] = None


class ProgressView(ApiModel):
    """What a task is doing: its turn and the tool in use, and what the agent itself reported."""

    turn: int
    tool: str | None = None
    step: str | None = None
    percent: int | None = None


class TaskView(ApiModel):
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
    retry_of: Annotated[str | None, Field(description="The ended task that it repeats.")] = None
    progress: ProgressView | None = None
    question: Annotated[
        str | None, Field(description="The agent's question, while the task is input_required.")
    ] = None
    options: Annotated[
        list[str] | None,
        Field(description="Answers to the question to choose from; any other is accepted too."),
    ] = None
    output: Output | None = None
    error_details: TaskFailure | None = None
    usage: UsageView | None = None


class TaskList(ApiModel):
    """Tasks without their output, newest first; ``nextCursor`` is present while there may be more."""

    tasks: list[TaskView]
    next_cursor: str | None = None


class TaskEvent(ApiModel):
    """One step of a task's course. Its fields are those of its type:

    `status`: a change of state; `attempt` where it is running, `reason` where it is pending once more, `code`
    where it has failed or tries again, `model` where it goes on with another one. `turn`: a reply of the
    model, the tools that it calls, and the `model` that stood in where the agent's own refused. `tool`: a
    tool begins that writes files or starts another agent's task. `progress`: what the agent reported.
    `artifact`: a result was saved beside the answer.
    """

    id: Annotated[str, Field(description="The event's number in the task, from 1, rising.")]
    at: str
    type: EventType
    status: Status | None = None
    attempt: int | None = None
    reason: PendingReason | None = None
    code: str | None = None
    turn: int | None = None
    tools: list[str] | None = None
    model: str | None = None
    tool: str | None = None
    step: Annotated[
        str | None, Field(description="The beginning of the step; the task's progress has the whole text.")
    ] = None
    percent: int | None = None
    artifact_id: str | None = None
    name: str | None = None


class TaskEvents(ApiModel):
    """Events in order. From 250 on, `turn`, `tool` and `progress` take each other's place where nothing else
    comes between, so a late reader finds the last of them and a gap in the numbers."""

    events: list[TaskEvent]
    next_cursor: Annotated[str, Field(description="`after` for the next request.")]
    task_status: Status
