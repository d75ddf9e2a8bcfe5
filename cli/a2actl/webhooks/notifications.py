"""The notifications among the messages of their dead-letter queue."""

from a2a_tasks.adapters.sqs.notification_messages import notification_of
from a2a_tasks.adapters.sqs.timed_queue import content_of
from a2a_tasks.domain.webhooks.push import Notification
from a2actl.dead_letters.queue import DeadMessage


def notification_in(message: DeadMessage) -> Notification | None:
    """None if it is none."""
    return content_of(message.body, notification_of)
