"""The notifications that were given up, and the queue that they can be sent to again."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.sqs.notification_messages import notification_of
from a2a_tasks.adapters.sqs.timed_queue import REASON, content_of
from a2a_tasks.domain.webhooks.push import Notification

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AT_ONCE = 10
HIDDEN_SECONDS = 600
LONG_POLL_SECONDS = 1
"""Any long poll asks all of SQS's servers; a short one may find nothing where something is."""


@dataclass(frozen=True)
class DeadNotification:
    """A message of the dead-letter queue. ``notification`` is None if it is none; ``given_up_at`` is in Unix
    milliseconds."""

    message_id: str
    receipt: str
    body: str
    group_id: str | None
    notification: Notification | None
    reason: str
    given_up_at: int


@dataclass(frozen=True)
class NotificationQueues:
    """Receives, sends and deletes: SQS's own redrive would need no less time, and exists only on AWS. What
    AWS raises passes through."""

    client: "SQSClient"
    url: str
    dead_letter_url: str

    def dead(self) -> Generator[DeadNotification]:
        """Each message once, hidden from others meanwhile; close it, and what it had not come to is visible
        again."""
        seen: set[str] = set()
        while True:
            found = [message for message in self._receive() if message.message_id not in seen]
            if not found:
                return
            seen |= {message.message_id for message in found}
            try:
                while found:
                    yield found.pop(0)
            finally:
                self.show(found)

    def send_again(self, message: DeadNotification) -> None:
        """Into the queue first: a command that dies in between has sent it twice, under one id, and lost
        nothing."""
        group: Any = {} if message.group_id is None else {"MessageGroupId": message.group_id}
        self.client.send_message(QueueUrl=self.url, MessageBody=message.body, **group)
        self.client.delete_message(QueueUrl=self.dead_letter_url, ReceiptHandle=message.receipt)

    def show(self, messages: Sequence[DeadNotification]) -> None:
        """Let others see these messages at once. Those for which it fails are visible a while later."""
        for some in batched(messages, AT_ONCE, strict=False):
            entries: list[Any] = [
                {"Id": str(n), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                for n, message in enumerate(some)
            ]
            self.client.change_message_visibility_batch(QueueUrl=self.dead_letter_url, Entries=entries)

    def _receive(self) -> list[DeadNotification]:
        answer = self.client.receive_message(
            QueueUrl=self.dead_letter_url,
            MaxNumberOfMessages=AT_ONCE,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=LONG_POLL_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId"],
            MessageAttributeNames=[REASON],
        )
        return [_to_dead(message) for message in answer.get("Messages", [])]


def _to_dead(message: Any) -> DeadNotification:
    attributes = message.get("Attributes", {})
    return DeadNotification(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        group_id=attributes.get("MessageGroupId"),
        notification=content_of(message["Body"], notification_of),
        reason=message.get("MessageAttributes", {}).get(REASON, {}).get("StringValue", "received too often"),
        given_up_at=int(attributes.get("SentTimestamp", 0)),
    )
