"""Errors of the service's own, which raise an alarm. That a task fails is none of them."""

from a2a_tasks.domain.task import Task
from a2a_tasks.ports.telemetry import Telemetry


def server_error(telemetry: Telemetry, name: str, error: Exception, task: Task | None = None) -> None:
    """Log and count that a caller did not get an answer, or not all of it."""
    telemetry.problem(name, task, error=error)
    telemetry.count("ServerErrors")
