"""Which dead-letter queues a stack has, what lands in each, and whether it can be sent again."""

from dataclasses import dataclass
from enum import StrEnum


class QueueName(StrEnum):
    """As an operator writes it."""

    TASKS = "tasks"
    NOTIFICATIONS = "notifications"
    WECOM = "wecom"
    NOTIFIER = "notifier"
    SCHEDULES = "schedules"


@dataclass(frozen=True)
class DeadLetters:
    """``output`` and ``sources`` are outputs of the stack. Without ``sources`` nothing can be sent again, and
    ``advice`` says what to do instead."""

    output: str
    holds: str
    page: str
    sources: tuple[str, ...] = ()
    advice: str = ""


ALL = {
    QueueName.TASKS: DeadLetters(
        "TaskDeadLetterQueueUrl",
        "messages of tasks that no worker could process",
        "dead-letters",
        ("TaskQueueUrl", "UrgentTaskQueueUrl"),
    ),
    QueueName.NOTIFICATIONS: DeadLetters(
        "NotificationDeadLetterQueueUrl",
        "notifications that no receiver accepted",
        "notifications",
        ("NotificationQueueUrl",),
    ),
    QueueName.WECOM: DeadLetters(
        "WecomDeadLetterQueueUrl", "answers that did not reach WeCom", "wecom", ("WecomQueueUrl",)
    ),
    QueueName.NOTIFIER: DeadLetters(
        "NotifierDeadLetterQueueUrl",
        "positions in the table's stream of changes that were not sent",
        "notifications",
        advice=(
            "A message is a position in the table's stream, which keeps changes for a day; no queue takes it."
        ),
    ),
    QueueName.SCHEDULES: DeadLetters(
        "ScheduleDeadLetterQueueUrl",
        "scheduled and other asynchronous invocations",
        "scheduled-calls",
        advice="The next scheduled invocation does the work of a lost one, so nothing has to be sent again.",
    ),
}
