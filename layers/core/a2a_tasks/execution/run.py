"""A task that is being executed by this process."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.history.event import Event
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.execution.model.transcript import Transcript
from a2a_tasks.execution.process.leases import LeasedTask
from a2a_tasks.execution.tools.toolbox import Toolbox
from a2a_tasks.ports.model import Draft, ModelReply, ModelRequest, updates_in


@dataclass
class TaskRun:
    """State of a run, kept up to date."""

    held: LeasedTask
    agent: AgentRevision
    transcript: Transcript
    toolbox: Toolbox
    spent: tuple[Spent, ...]
    """Usage so far. After an interruption it is complete only once ``AgentLoop.snapshot`` was called."""
    events: tuple[Event, ...]
    """The task's events as stored."""
    counted: Usage | None = None
    """What the project's day counts of the task's own turns. None without a budget."""
    counting: asyncio.Future[Usage | None] | None = None
    """The last update of ``counted``, which may still be in progress."""
    draft: Draft = field(default_factory=Draft)
    """The turn in progress, or the last one."""
    under_way: ModelRequest | None = None
    """The request in progress."""
    last_used: Mapping[str, Usage] = field(default_factory=dict)
    """What the last completed turn used, by model."""
    turns_bought: int = 0
    """Turns completed by this process."""

    @property
    def task(self) -> Task:
        """The task as it was claimed or last read."""
        return self.held.task

    @property
    def text(self) -> str:
        """The text of the turn in progress, or else of the last one."""
        return self.draft.text or self.transcript.text

    def fallback_model(self, reply: ModelReply) -> str | None:
        """The model that answered instead of the task's own after a refusal."""
        prompt, calls = self.transcript.prompt, reply.usage.calls
        if prompt is None or prompt.fallbacks is None or not calls:
            return None
        return calls[-1].model if calls[-1].model != prompt.model else None

    def updates_in(self, content: Sequence[Mapping[str, Any]]) -> str:
        """Progress updates in a reply, if callers may see them."""
        prompt = self.transcript.prompt
        return updates_in(content) if prompt is not None and prompt.shows_updates else ""


@dataclass(frozen=True)
class RunSnapshot:
    """State of a run when it stops."""

    held: LeasedTask
    spent: tuple[Spent, ...]
    """All usage."""
    text: str = ""
    """The model's last text."""
    turns: int = 0
    """Saved turns."""
    has_bought: bool = False
    """This process has completed a turn."""
    children: tuple[TaskRef, ...] = ()
    """Started tasks whose results are not saved."""
    counted: Usage | None = None
    """What the project's day counts, unless ``counting`` is still in progress, whose result it then is."""
    counting: asyncio.Future[Usage | None] | None = None

    @property
    def task(self) -> Task:
        """The task."""
        return self.held.task

    def with_text(self, text: str) -> "RunSnapshot":
        """A copy with newer text, if there is any."""
        return replace(self, text=text or self.text)
