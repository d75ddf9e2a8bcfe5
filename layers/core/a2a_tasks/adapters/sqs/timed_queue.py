"""An SQS queue whose messages are retried for a time rather than a number of receives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import TimedDelivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REASON = "reason"
"""Message attribute of a dead letter: why delivery was given up."""
MAX_REASON = 500


@dataclass(frozen=True)
class SQSTimedQueue:
    """``TimedQueue``."""

    client: "SQSClient"
    url: str
    dead_letter_url: str

    def change_visibility(self, delivery: TimedDelivery[Any], seconds: int) -> None:
        self._call(
            self.client.change_message_visibility,
            QueueUrl=self.url,
            ReceiptHandle=delivery.receipt,
            VisibilityTimeout=seconds,
        )

    def dead_letter(self, delivery: TimedDelivery[Any], reason: str) -> None:
        """Not by the redrive policy of SQS, which counts receives rather than time. Sent before the message
        is deleted: a crash in between sends it twice, under the same id."""
        # only set if the message had one: this class serves queues with and without groups
        group = {} if delivery.group_id is None else {"MessageGroupId": delivery.group_id}
        self._call(
            self.client.send_message,
            QueueUrl=self.dead_letter_url,
            MessageBody=delivery.body,
            MessageAttributes={REASON: {"DataType": "String", "StringValue": reason[:MAX_REASON]}},
            **group,
        )

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> None:
        with port_errors(QueueUnavailable):
            operation(**arguments)


def delivery_of[T](record: Mapping[str, Any], parse: Callable[[str], T]) -> TimedDelivery[T]:
    """The delivery of a record of a Lambda SQS event."""
    attributes = record["attributes"]
    return TimedDelivery(
        message_id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        group_id=attributes.get("MessageGroupId"),
        content=content_of(record["body"], parse),
        sent_at=int(attributes["SentTimestamp"]),
        receive_count=int(attributes["ApproximateReceiveCount"]),
    )


def content_of[T](body: str, parse: Callable[[str], T]) -> T | None:
    """None if ``parse`` rejects the body by a ``ValueError``, ``KeyError`` or ``TypeError``."""
    try:
        return parse(body)
    except (ValueError, KeyError, TypeError):
        # no exception: one malformed message would return its whole event again and again
        return None
