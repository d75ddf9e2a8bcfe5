"""Internal errors, which raise an alarm. A failed task is not one of them."""

from a2a_tasks.domain.task import Task
from a2a_tasks.ports.telemetry import Telemetry


def server_error(telemetry: Telemetry, name: str, error: Exception, task: Task | None = None) -> None:
    """Log and count that a caller got no response, or an incomplete one."""
    telemetry.problem(name, task, error=error)
    telemetry.count("ServerErrors")
