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
        "notifications that no receiver took",
        "notifications",
        ("NotificationQueueUrl",),
    ),
    QueueName.WECOM: DeadLetters(
        "WecomDeadLetterQueueUrl", "answers that did not reach WeCom", "wecom", ("WecomQueueUrl",)
    ),
    QueueName.NOTIFIER: DeadLetters(
        "NotifierDeadLetterQueueUrl",
        "places in the table's stream whose changes were not told",
        "notifications",
        advice="A message names a place in the table's stream, which keeps it for a day; no queue takes it.",
    ),
    QueueName.SCHEDULES: DeadLetters(
        "ScheduleDeadLetterQueueUrl",
        "calls by schedules, and calls that nobody waited for",
        "scheduled-calls",
        advice="The next scheduled call does the work of a lost one, so there is nothing to send again.",
    ),
}
