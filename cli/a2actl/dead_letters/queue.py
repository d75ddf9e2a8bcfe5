"""A dead-letter queue on SQS, and the queues that its messages can be sent to again."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.sqs.timed_queue import REASON
from a2actl.queue.queues import QueueState

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AT_ONCE = 10
VISIBILITY_TIMEOUT_SECONDS = 600
LONG_POLL_SECONDS = 1
"""Any long poll asks all of SQS's servers; a short one may find nothing where something is."""
BY_SQS = "received too often"
"""Why SQS dead-letters a message; for other reasons the sender of the dead letter records them."""


@dataclass(frozen=True)
class DeadMessage:
    """``sent_at`` is in Unix milliseconds: when it was given up, or where SQS itself moved it, when it was
    first sent. ``source_arn`` is the queue from which SQS moved it."""

    message_id: str
    receipt: str
    body: str
    group_id: str | None
    attributes: Mapping[str, Any]
    source_arn: str | None
    sent_at: int

    @property
    def reason(self) -> str:
        return str(self.attributes.get(REASON, {}).get("StringValue", BY_SQS))


@dataclass(frozen=True)
class DeadLetterQueue:
    """Receives, sends and deletes. What AWS raises passes through.

    A message that was received is invisible to others until ``show``, ``send_again`` or ``drop``, or for
    ten minutes where none of these follows.
    """

    client: "SQSClient"
    url: str
    source_urls: tuple[str, ...] = ()

    def state(self) -> QueueState:
        return QueueState.of(self.client, name_of(self.url), self.url)

    def messages(self) -> Generator[DeadMessage]:
        """Each message once; close it, and what it had not come to is visible again."""
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
                self.show([message.receipt for message in found])

    def send_again(self, message: DeadMessage) -> None:
        """To its queue first: a command that dies in between has sent it twice, and lost nothing."""
        again: dict[str, Any] = {} if message.group_id is None else {"MessageGroupId": message.group_id}
        if kept := {name: value for name, value in message.attributes.items() if name != REASON}:
            again["MessageAttributes"] = kept
        self.client.send_message(QueueUrl=self._source_of(message), MessageBody=message.body, **again)
        self.drop(message)

    def drop(self, message: DeadMessage) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt)

    def show(self, receipts: Sequence[str]) -> None:
        """Let others see these messages at once. Those for which it fails are visible a while later."""
        for some in batched(receipts, AT_ONCE, strict=False):
            entries: list[Any] = [
                {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for n, receipt in enumerate(some)
            ]
            self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

    def _source_of(self, message: DeadMessage) -> str:
        """The queue that SQS took it from, if known."""
        name = (message.source_arn or "").rpartition(":")[2]
        return next((url for url in self.source_urls if name_of(url) == name), self.source_urls[0])

    def _receive(self) -> list[DeadMessage]:
        answer = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=AT_ONCE,
            VisibilityTimeout=VISIBILITY_TIMEOUT_SECONDS,
            WaitTimeSeconds=LONG_POLL_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId", "DeadLetterQueueSourceArn"],
            MessageAttributeNames=["All"],
        )
        return [_to_dead(message) for message in answer.get("Messages", [])]


def name_of(url: str) -> str:
    """Of a queue, which is the last part of its URL and of its ARN."""
    return url.rpartition("/")[2]


def _to_dead(message: Any) -> DeadMessage:
    system = message.get("Attributes", {})
    return DeadMessage(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        group_id=system.get("MessageGroupId"),
        attributes={
            name: {part: value[part] for part in ("DataType", "StringValue", "BinaryValue") if part in value}
            for name, value in message.get("MessageAttributes", {}).items()
        },
        source_arn=system.get("DeadLetterQueueSourceArn"),
        sent_at=int(system.get("SentTimestamp", 0)),
    )
