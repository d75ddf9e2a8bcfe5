"""Notifications as messages of an SQS standard queue, fair by project (``MessageGroupId``)."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.sqs import timed_queue
from a2a_tasks.adapters.sqs.sender import SQSSender
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.domain.webhooks.push import Notification
from a2a_tasks.ports.queues import TimedDelivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def notification_sender(client: "SQSClient", url: str) -> SQSSender[Notification]:
    """Sender of notifications. A message only names task and configuration; the rest is read from their
    items."""
    return SQSSender(client, url, to_message)


def to_message(notification: Notification) -> dict[str, Any]:
    """The JSON of a message."""
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
    """The notification of a message. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for other
    bodies."""
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


def delivery_of(record: Mapping[str, Any]) -> TimedDelivery[Notification]:
    """The delivery of a record of a Lambda SQS event."""
    return timed_queue.delivery_of(record, notification_of)
