"""The notification queue on SQS: a standard queue, fair by project (``MessageGroupId``)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.sqs_batches import OutgoingMessage, send_all
from a2a_tasks.domain.push import Notification
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.ports.push import Unsent

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class SQSNotifications:
    """``NotificationSender``. A message names its task and configuration; all else is in their records."""

    client: "SQSClient"
    url: str

    def send(self, notifications: Sequence[Notification]) -> list[Unsent]:
        messages = [OutgoingMessage(json.dumps(to_message(one)), one.project_id) for one in notifications]
        unsent = send_all(self.client, self.url, messages)
        return [Unsent(notifications[place], reason) for place, reason in unsent.items()]


def to_message(notification: Notification) -> dict[str, Any]:
    return {
        "agentId": notification.ref.agent_id,
        "taskId": notification.ref.task_id,
        "projectId": notification.project_id,
        "configId": notification.config_id,
        "status": notification.status.value,
        "at": notification.at,
        "correlationId": notification.correlation_id,
        "notificationId": notification.notification_id,
    }


def notification_of(body: str) -> Notification:
    """The notification of a message. Raises ``ValueError``, ``KeyError`` or ``TypeError`` if it is none."""
    message: Mapping[str, Any] = json.loads(body)
    return Notification(
        ref=TaskRef(message["agentId"], message["taskId"]),
        project_id=message["projectId"],
        config_id=message["configId"],
        status=Status(message["status"]),
        at=int(message["at"]),
        correlation_id=message["correlationId"],
        notification_id=message["notificationId"],
    )
