"""A task under work in this process."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.event import Event
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.execution.leases import LeasedTask
from a2a_tasks.execution.tools.toolbox import Toolbox
from a2a_tasks.execution.transcript import Transcript
from a2a_tasks.ports.model import Draft, ModelReply, ModelRequest, updates_in


@dataclass
class TaskRun:
    """What is known of the task, kept current. ``spent`` is current also when the work is cut off, once the
    loop has taken stock; ``events`` are what the task's callers have been told; ``counted`` is what of its
    own turns its project's day has, where it counts, and ``counting`` the last change of that, which may be
    under way; ``under_way`` is what the model is asked now."""

    held: LeasedTask
    agent: AgentRevision
    transcript: Transcript
    toolbox: Toolbox
    spent: tuple[Spent, ...]
    events: tuple[Event, ...]
    counted: Usage | None = None
    counting: asyncio.Future[Usage | None] | None = None
    draft: Draft = field(default_factory=Draft)
    under_way: ModelRequest | None = None
    turns_bought: int = 0

    @property
    def task(self) -> Task:
        return self.held.task

    @property
    def text(self) -> str:
        """What the model has said last: in the turn under way, or before."""
        return self.draft.text or self.transcript.text

    def stood_in(self, reply: ModelReply) -> str | None:
        """The model that has answered where the task's own refused."""
        prompt, calls = self.transcript.prompt, reply.usage.calls
        if prompt is None or prompt.fallbacks is None or not calls:
            return None
        return calls[-1].model if calls[-1].model != prompt.model else None

    def updates_in(self, content: Sequence[Mapping[str, Any]]) -> str:
        """What a reply says of its progress, for callers to see."""
        prompt = self.transcript.prompt
        return updates_in(content) if prompt is not None and prompt.shows_updates else ""


@dataclass(frozen=True)
class RunSnapshot:
    """What there is of a task when its work stops: all that was spent, what the model has said last, its
    saved turns, whether this process has bought one, and the tasks it started whose results it has not;
    ``counted`` is what the project's day has of it, or else the result of ``counting``, if that is under way.
    """

    held: LeasedTask
    spent: tuple[Spent, ...]
    text: str = ""
    turns: int = 0
    has_bought: bool = False
    children: tuple[TaskRef, ...] = ()
    counted: Usage | None = None
    counting: asyncio.Future[Usage | None] | None = None

    @property
    def task(self) -> Task:
        return self.held.task

    def saying(self, text: str) -> "RunSnapshot":
        """The same with what the model has said since, if it has said anything."""
        return replace(self, text=text or self.text)
