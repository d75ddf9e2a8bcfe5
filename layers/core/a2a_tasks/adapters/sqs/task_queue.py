"""The task queue on SQS: two standard queues, each fair by project (``MessageGroupId``)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.domain.ids import AGENT_ID, is_task_id
from a2a_tasks.domain.schedule import goes_first
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CORRELATION_ID = "correlationId"
LONG_POLL_SECONDS = 1
"""A long poll queries all of SQS's servers; a short one may miss messages."""


@dataclass(frozen=True)
class SQSTaskQueue:
    """``WorkerQueue`` and ``QueueLength``. A message only names its task; the rest is read from the item.

    SQS has no priorities, so urgent messages have a queue of their own.
    """

    client: "SQSClient"
    url: str
    urgent_url: str

    def send(self, task: Task, delay_seconds: int = 0, *, has_slot: bool = False) -> None:
        delay = {"DelaySeconds": delay_seconds} if delay_seconds else {}
        self._call(
            self.client.send_message,
            is_urgent=has_slot or goes_first(task),
            MessageBody=json.dumps({"agentId": task.ref.agent_id, "taskId": task.ref.task_id}),
            MessageGroupId=task.project_id,
            MessageAttributes={CORRELATION_ID: {"DataType": "String", "StringValue": task.correlation_id}},
            **delay,
        )

    def waiting(self, *, is_urgent: bool) -> int:
        name = "ApproximateNumberOfMessages"
        answer = self._call(self.client.get_queue_attributes, is_urgent=is_urgent, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def change_visibility(self, deliveries: list[Delivery], seconds: int) -> None:
        """One call for each queue, with up to ten deliveries: as many as an invocation receives."""
        failed: list[Any] = []
        for is_urgent in sorted({delivery.is_urgent for delivery in deliveries}):
            entries = [
                {"Id": str(n), "ReceiptHandle": delivery.receipt, "VisibilityTimeout": seconds}
                for n, delivery in enumerate(deliveries)
                if delivery.is_urgent is is_urgent
            ]
            operation = self.client.change_message_visibility_batch
            failed += self._call(operation, is_urgent=is_urgent, Entries=entries).get("Failed", [])
        if failed:
            codes = ", ".join(sorted({entry["Code"] for entry in failed}))
            raise QueueUnavailable(
                f"{len(failed)} of {len(deliveries)} messages keep their visibility timeout: {codes}"
            )

    def receive(self, limit: int, visibility_seconds: int, *, only_urgent: bool = False) -> list[Delivery]:
        """Short poll of the urgent queue first; what that misses, the queue's own event source receives."""
        urgent = self._receive(limit, visibility_seconds, 0, is_urgent=True)
        if urgent or only_urgent:
            return urgent
        return self._receive(limit, visibility_seconds, LONG_POLL_SECONDS, is_urgent=False)

    def delete(self, delivery: Delivery) -> None:
        self._call(self.client.delete_message, is_urgent=delivery.is_urgent, ReceiptHandle=delivery.receipt)

    def delivery_of(self, record: Mapping[str, Any]) -> Delivery:
        """The delivery of a record of a Lambda SQS event."""
        attributes = record.get("messageAttributes", {})
        queue_name = record["eventSourceARN"].rpartition(":")[2]
        return Delivery(
            message_id=record["messageId"],
            receipt=record["receiptHandle"],
            ref=_ref_of(record["body"]),
            correlation_id=attributes.get(CORRELATION_ID, {}).get("stringValue", ""),
            receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
            is_urgent=queue_name == self.urgent_url.rpartition("/")[2],
        )

    def _receive(
        self, limit: int, visibility_seconds: int, wait_seconds: int, *, is_urgent: bool
    ) -> list[Delivery]:
        answer = self._call(
            self.client.receive_message,
            is_urgent=is_urgent,
            MaxNumberOfMessages=limit,
            VisibilityTimeout=visibility_seconds,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=[CORRELATION_ID],
        )
        return [_to_delivery(message, is_urgent=is_urgent) for message in answer.get("Messages", [])]

    def _call(self, operation: Callable[..., Any], *, is_urgent: bool, **arguments: Any) -> Any:
        with port_errors(QueueUnavailable):
            return operation(QueueUrl=self.urgent_url if is_urgent else self.url, **arguments)


def _to_delivery(message: Mapping[str, Any], *, is_urgent: bool) -> Delivery:
    """The delivery of a message from ReceiveMessage."""
    attributes = message.get("MessageAttributes", {})
    return Delivery(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        ref=_ref_of(message["Body"]),
        correlation_id=attributes.get(CORRELATION_ID, {}).get("StringValue", ""),
        receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
        is_urgent=is_urgent,
    )


def _ref_of(body: str) -> TaskRef | None:
    try:
        message = json.loads(body)
        agent_id, task_id = message["agentId"], message["taskId"]
        well_formed = AGENT_ID.fullmatch(agent_id) and is_task_id(task_id)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return TaskRef(agent_id, task_id) if well_formed else None
