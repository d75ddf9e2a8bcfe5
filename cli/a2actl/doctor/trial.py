"""A task through the deployment: with the model if that is free or was requested, otherwise without."""

from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.task import Status
from a2actl.doctor.finding import Finding
from a2actl.tasks.api import TaskApi
from a2actl.tasks.view import problem, usage
from a2actl.tasks.waiting import Show, Waiting

SUBJECT = "Task"
MESSAGE = "This is a test of the deployment by a2actl doctor. Answer with the one word: ok"
LATER_SECONDS = 3_600
MOST_TOKENS = 20_000
WHOLE_MS = 120_000
WAITS, FAILS = "runbook/tasks-wait.md", "runbook/tasks-fail.md"


@dataclass(frozen=True)
class Trial:
    """Raises ``Fault`` where the API refuses."""

    api: TaskApi
    agent_id: str

    def without_model(self) -> Finding:
        """A task that would start in an hour: accepted, read, canceled. No worker executes it."""
        task_id = self.api.submit(self.agent_id, {"message": MESSAGE, "delaySeconds": LATER_SECONDS})[
            "taskId"
        ]
        read = self.api.get(self.agent_id, task_id)["status"]
        canceled = self.api.cancel(self.agent_id, task_id)["status"]
        if (read, canceled) == (Status.PENDING, Status.CANCELED):
            return Finding.ok(
                SUBJECT, f"{task_id} was accepted, read and canceled, without a worker or model"
            )
        found = f"{task_id} was {read}, then {canceled}, instead of pending, then canceled"
        return Finding.fault(SUBJECT, found, f"a2actl tasks explain {task_id}", FAILS)

    def with_model(self, waiting: Waiting, show: Show) -> Finding:
        """A task that a worker executes with one model turn."""
        given = {
            "message": MESSAGE,
            "timeout": WHOLE_MS,
            "queueTimeout": WHOLE_MS,
            "maxTokens": MOST_TOKENS,
        }
        task_id = self.api.submit(self.agent_id, given)["taskId"]
        return _judged(waiting.for_end(lambda: self.api.get(self.agent_id, task_id), show))


def _judged(task: dict[str, Any]) -> Finding:
    task_id, status = task["taskId"], task["status"]
    if status == Status.COMPLETED:
        used = f": {usage(task['usage'])}" if "usage" in task else ""
        return Finding.ok(SUBJECT, f"{task_id} completed{used}")
    waited = task.get("errorDetails", {}).get("code") == "QUEUE_TIMEOUT"
    found = f"{task_id} {status}: {problem(task)}" if status == Status.FAILED else f"{task_id} was {status}"
    return Finding.fault(SUBJECT, found, f"a2actl tasks explain {task_id}", WAITS if waited else FAILS)
