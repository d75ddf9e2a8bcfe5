"""The notification queue on SQS: a standard queue, fair by project (``MessageGroupId``)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.domain.push import Notification
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.ports.push import Unsent

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AT_ONCE = 10
"""Messages that SQS takes in one call."""


@dataclass(frozen=True)
class SQSNotifications:
    """``NotificationSender``. A message names its task and configuration; all else is in their records."""

    client: "SQSClient"
    url: str

    def send(self, notifications: Sequence[Notification]) -> list[Unsent]:
        return [
            unsent for some in batched(notifications, AT_ONCE, strict=False) for unsent in self._send(some)
        ]

    def _send(self, notifications: Sequence[Notification]) -> list[Unsent]:
        entries: list[Any] = [
            {"Id": str(n), "MessageBody": json.dumps(to_message(found)), "MessageGroupId": found.project_id}
            for n, found in enumerate(notifications)
        ]
        try:
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            return [Unsent(found, str(error)) for found in notifications]
        return [Unsent(notifications[int(entry["Id"])], entry["Code"]) for entry in answer.get("Failed", [])]


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
