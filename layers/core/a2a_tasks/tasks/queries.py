"""Reading and canceling tasks within the caller's project."""

from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.domain import ids
from a2a_tasks.domain.errors import ErrorCode, RequestRefused, invalid
from a2a_tasks.domain.history.events import EventPage, UnknownEvent, events_after, last_number
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.ports.payloads import ArtifactLinks, PayloadStore
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import InvalidCursor, TaskPage, TaskStore, Written
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.polling import TaskPoller
from a2a_tasks.tasks.results import Results
from a2a_tasks.tasks.submission import agent_of_project


def task_of_project(
    read: Callable[[TaskRef], Task | None], project_id: str, agent_id: str, task_id: str
) -> Task:
    """The caller's task, read with ``read``, a method of the store. A task of another project is answered
    exactly like a missing one.

    Raises ``RequestRefused`` (TASK_NOT_FOUND).
    """
    well_formed = ids.AGENT_ID.fullmatch(agent_id) and ids.is_task_id(task_id)
    task = read(TaskRef(agent_id, task_id)) if well_formed else None
    if task is None or task.project_id != project_id:
        raise RequestRefused(ErrorCode.TASK_NOT_FOUND, "There is no such task.")
    return task


def _stands_still(task: Task) -> bool:
    return task.is_terminal or task.status is Status.INPUT_REQUIRED


@dataclass(frozen=True)
class Tasks:
    """A project's tasks. All methods raise ``RequestRefused``, ``StoreUnavailable``,
    ``PayloadUnavailable`` and ``PayloadCorrupt``."""

    store: TaskStore
    registry: AgentReader
    payloads: PayloadStore
    links: ArtifactLinks
    finalizer: TaskFinalizer
    pause: Callable[[float], None]
    """Sleeps for a number of seconds."""

    def find(self, project_id: str, agent_id: str, task_id: str) -> Task:
        """The task. If its deadline has passed, it is failed first."""
        return self.finalizer.expire_if_overdue(
            task_of_project(self.store.read, project_id, agent_id, task_id)
        )

    def wait(
        self,
        project_id: str,
        agent_id: str,
        task_id: str,
        seconds: float,
        is_enough: Callable[[Task], bool] = _stands_still,
    ) -> Task:
        """The task as soon as it has ended, asks a question, or ``is_enough`` is true, at the latest after
        ``seconds``."""
        until = self.finalizer.clock.now() + int(seconds * 1000)
        task = self.find(project_id, agent_id, task_id)
        if seconds <= 0 or is_enough(task):
            return task
        poller = TaskPoller(self.store, self.finalizer, self.pause)
        next((seen for seen in poller.states(task, until) if is_enough(seen)), None)
        # polls are eventually consistent and omit the output
        return self.find(project_id, agent_id, task_id)

    def events(
        self, project_id: str, agent_id: str, task_id: str, after: int, limit: int, wait_seconds: float = 0
    ) -> EventPage:
        """Up to ``limit`` events after number ``after``, as soon as there are any or none can follow, at the
        latest after ``wait_seconds``."""

        def has_news(task: Task) -> bool:
            return task.is_terminal or last_number(task.events) != after

        task = self.wait(project_id, agent_id, task_id, wait_seconds, has_news)
        try:
            return events_after(task, after, limit)
        except UnknownEvent:
            problem = "is beyond the task's newest event; give the last answer's nextCursor, or leave it out"
            raise invalid("after", problem) from None

    @property
    def results(self) -> Results:
        """Reads outputs and artifacts."""
        return Results(self.payloads, self.links)

    def page(
        self, project_id: str, agent_id: str, status: Status | None, limit: int, cursor: str | None
    ) -> TaskPage:
        """The agent's tasks, newest first."""
        agent = agent_of_project(self.registry, project_id, agent_id)
        try:
            page = self.store.page(agent.agent_id, status, limit, cursor, self.finalizer.clock.now())
        except InvalidCursor:
            raise RequestRefused(
                ErrorCode.VALIDATION_ERROR,
                "cursor: is not one that this list returned; leave it out to begin at the newest task",
                [{"field": "cursor", "message": "is not one that this list returned"}],
            ) from None
        settled = [self.finalizer.expire_if_overdue(task) for task in page.tasks]
        return TaskPage([task for task in settled if status in (None, task.status)], page.cursor)

    def cancel(self, project_id: str, agent_id: str, task_id: str) -> Task:
        """Cancel a live task. Idempotent."""
        task = task_of_project(self.store.get, project_id, agent_id, task_id)
        result = self.finalizer.cancel(task)
        if isinstance(result, Written):
            return result.task
        # refused: the task has ended, or its deadline has passed, in which case it is failed first
        current = self.finalizer.expire_if_overdue(result.current or task)
        if current.status is Status.CANCELED:
            # the process that canceled it may have died before canceling the children
            self.finalizer.cancel_children(current, current.awaits)
            return current
        raise RequestRefused(
            ErrorCode.TASK_NOT_CANCELABLE, f"The task has already {current.status} and cannot be canceled."
        )
