"""A task's course, as callers get it."""

from typing import Annotated

from pydantic import Field

from a2a_tasks.domain.history.timeline import TimelineSpanKind
from a2a_tasks.domain.task import Status
from functions.api.models.deliveries import DeliveryView
from functions.api.models.fields import ApiModel
from functions.api.models.task_view import UsageSum


class StepError(ApiModel):
    code: str


class TimelineStep(ApiModel):
    """A part of a task's timeline; without ``endedAt`` it is in progress."""

    kind: Annotated[
        TimelineSpanKind,
        Field(
            description=(
                "`wait`: no worker holds it. `attempt`, `batch`: a worker, or a Message Batch, "
                "holds it. `turn`: the model replies. `tool`: a tool runs. `child`: another "
                "agent's task. `question`: it waits for an answer. `event`: a point in time."
            )
        ),
    ]
    name: Annotated[
        str | None,
        Field(
            description="The tool; what a `wait` is for (`start`, `retry`, `handed_over`, `waits_for_model`, "
            "`awaits_tasks`, `answered`); or the `event` (`progress`, `artifact`)."
        ),
    ] = None
    started_at: str
    ended_at: str | None = None
    attempt: int | None = None
    turn: int | None = None
    model: Annotated[str | None, Field(description="The model that replied.")] = None
    usage: Annotated[
        UsageSum | None,
        Field(description="Usage of a turn. The last turn also includes interrupted turns."),
    ] = None
    outcome: Annotated[
        str | None,
        Field(
            description=(
                "`ok` or `error` of a tool; the status of a `child`; of an attempt, the status "
                "that followed, or the reason for which it was released."
            )
        ),
    ] = None
    error: StepError | None = None
    task_id: str | None = None
    agent_id: str | None = None


class ChildTask(ApiModel):
    task_id: str
    agent_id: str
    status: Status
    created_at: str
    ended_at: str | None = None
    usage: UsageSum


class TimelineView(ApiModel):
    """A task's timeline in order of time, without its texts."""

    task_id: str
    agent_id: str
    status: Status
    created_at: str
    ended_at: str | None = None
    steps: list[TimelineStep]
    truncated: Annotated[
        bool | None, Field(description="True if the task has more turns and tools than are shown.")
    ] = None
    children: list[ChildTask]
    usage: UsageSum
    deliveries: list[DeliveryView]
