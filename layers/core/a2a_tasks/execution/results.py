"""How work on a task may stop by itself."""

from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.task import Question, TaskRef


@dataclass(frozen=True)
class Finished:
    """The answer is complete; ``output`` is the task's ``{"result", "data"?, "notes"?}``."""

    output: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """The task ends without a complete answer; ``text`` is what the model has said last."""

    failure: Failure
    text: str


@dataclass(frozen=True)
class Asking:
    """The agent asks its caller, and waits."""

    question: Question


@dataclass(frozen=True)
class Waiting:
    """The agent waits for tasks that it started."""

    children: tuple[TaskRef, ...]


@dataclass(frozen=True)
class HandingOver:
    """This worker's time is nearly over: another one goes on."""


type RunResult = Finished | Failed | Asking | Waiting | HandingOver
