"""A message that kept failing: its task ends with the reason instead of waiting for its deadline."""

from dataclasses import dataclass

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.task import Lane, Status, guard_of_dead_letter
from a2a_tasks.ports.faults import StoreUnavailable
from a2a_tasks.ports.queue import Delivery
from a2a_tasks.ports.tasks import TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.services.day_count import DayCount
from a2a_tasks.services.ending import Ending


@dataclass(frozen=True)
class DeadLetters:
    store: TaskStore
    ending: Ending
    day: DayCount
    telemetry: Telemetry

    def bury(self, delivery: Delivery) -> None:
        """Fail the task of a dead message. Raises ``StoreUnavailable``: then the message must stay.

        A task that a living worker holds, that waits for others, or that has ended, is left alone: its
        message was a duplicate, or came only so that what the task has used is counted.
        """
        if delivery.ref is None:
            self.telemetry.count("MalformedMessages")
            self.telemetry.problem("dead message names no task", message_id=delivery.message_id)
            return
        task = self.store.get(delivery.ref)
        if task is not None and task.is_terminal and not self.day.settle(task):
            raise StoreUnavailable("what the task has used is not counted yet")
        if task is None or task.is_terminal or task.awaits or task.lane is Lane.BATCH:
            return
        if task.status is Status.RUNNING and self.ending.holders.take(task) is not None:
            return
        failure = Failure(
            FailureCode.EXECUTION_ERROR,
            "The task could not be executed: every delivery to a worker failed before it was done.",
        )
        if isinstance(self.ending.fail(task, failure, guard_of_dead_letter(task.fence)), Written):
            self.telemetry.count("TasksDeadLettered")
