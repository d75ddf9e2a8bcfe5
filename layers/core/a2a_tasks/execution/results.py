"""How a run may end by itself."""

from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.task import Question, TaskRef


@dataclass(frozen=True)
class Finished:
    """The answer is complete."""

    output: dict[str, Any]
    """``{"result", "data"?, "notes"?}``."""


@dataclass(frozen=True)
class Failed:
    """The task fails."""

    failure: Failure
    text: str
    """The partial answer."""


@dataclass(frozen=True)
class AwaitingInput:
    """The agent asks its caller a question and waits."""

    question: Question


@dataclass(frozen=True)
class AwaitingTasks:
    """The agent waits for tasks that it started."""

    children: tuple[TaskRef, ...]


@dataclass(frozen=True)
class OutOfTime:
    """This worker's time is nearly over; another worker continues."""


type RunResult = Finished | Failed | AwaitingInput | AwaitingTasks | OutOfTime
