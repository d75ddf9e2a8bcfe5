"""The notification queue as its consumer sees it, on SQS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.adapters.sqs_notifications import notification_of
from a2a_tasks.domain.push import Notification
from a2a_tasks.ports.faults import QueueUnavailable
from a2a_tasks.ports.webhooks import WebhookDelivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REASON = "reason"
"""Attribute of a dead message: why it was given up."""
MAX_REASON = 500


class Received(Protocol):
    """What is needed of a received message."""

    @property
    def receipt(self) -> str: ...

    @property
    def body(self) -> str: ...

    @property
    def group_id(self) -> str | None: ...


@dataclass(frozen=True)
class SQSWebhookQueue:
    """``WebhookQueue``, and the same for other queues whose messages are tried by time."""

    client: "SQSClient"
    url: str
    dead_letter_url: str

    def hide(self, delivery: Received, seconds: int) -> None:
        self._call(
            self.client.change_message_visibility,
            QueueUrl=self.url,
            ReceiptHandle=delivery.receipt,
            VisibilityTimeout=seconds,
        )

    def bury(self, delivery: Received, reason: str) -> None:
        """Not left to SQS, which counts receives: this one counts time. Sent twice it is there twice, under
        the same notification's id."""
        group = {} if delivery.group_id is None else {"MessageGroupId": delivery.group_id}
        self._call(
            self.client.send_message,
            QueueUrl=self.dead_letter_url,
            MessageBody=delivery.body,
            MessageAttributes={REASON: {"DataType": "String", "StringValue": reason[:MAX_REASON]}},
            **group,
        )

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> None:
        try:
            operation(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(str(error)) from error


def delivery_of(record: Mapping[str, Any]) -> WebhookDelivery:
    """A delivery from a record of a Lambda SQS event."""
    attributes = record["attributes"]
    return WebhookDelivery(
        message_id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        group_id=attributes.get("MessageGroupId"),
        notification=notification_in(record["body"]),
        sent_at=int(attributes["SentTimestamp"]),
        receive_count=int(attributes["ApproximateReceiveCount"]),
    )


def notification_in(body: str) -> Notification | None:
    """None if the body is no notification."""
    try:
        return notification_of(body)
    except (ValueError, KeyError, TypeError):
        return None
