"""The task queue on SQS: a standard queue, fair by project (``MessageGroupId``)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.domain.ids import AGENT_ID, is_task_id
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.faults import QueueUnavailable
from a2a_tasks.ports.queue import Delivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CORRELATION_ID = "correlationId"
LONG_POLL_SECONDS = 1
"""Any long poll asks all of SQS's servers; a short one may find nothing where something is."""


@dataclass(frozen=True)
class SQSTaskQueue:
    """``TaskSender`` and ``WorkerQueue``. A message names its task; all else is in the record."""

    client: "SQSClient"
    url: str

    def send(self, task: Task, delay_seconds: int = 0) -> None:
        delay = {"DelaySeconds": delay_seconds} if delay_seconds else {}
        self._call(
            self.client.send_message,
            MessageBody=json.dumps({"agentId": task.ref.agent_id, "taskId": task.ref.task_id}),
            MessageGroupId=task.project_id,
            MessageAttributes={CORRELATION_ID: {"DataType": "String", "StringValue": task.correlation_id}},
            **delay,
        )

    def hide(self, deliveries: list[Delivery], seconds: int) -> None:
        """Up to ten deliveries in one call, which is as many as an invocation receives."""
        entries = [
            {"Id": str(n), "ReceiptHandle": delivery.receipt, "VisibilityTimeout": seconds}
            for n, delivery in enumerate(deliveries)
        ]
        answer = self._call(self.client.change_message_visibility_batch, Entries=entries)
        if failed := answer.get("Failed"):
            codes = ", ".join(sorted({entry["Code"] for entry in failed}))
            raise QueueUnavailable(f"{len(failed)} of {len(entries)} messages not hidden: {codes}")

    def receive(self, limit: int, hidden_seconds: int) -> list[Delivery]:
        answer = self._call(
            self.client.receive_message,
            MaxNumberOfMessages=limit,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=LONG_POLL_SECONDS,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=[CORRELATION_ID],
        )
        return [_to_delivery(message) for message in answer.get("Messages", [])]

    def delete(self, delivery: Delivery) -> None:
        self._call(self.client.delete_message, ReceiptHandle=delivery.receipt)

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return operation(QueueUrl=self.url, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(str(error)) from error


def delivery_of(record: Mapping[str, Any]) -> Delivery:
    """A delivery from a record of a Lambda SQS event."""
    attributes = record.get("messageAttributes", {})
    return Delivery(
        message_id=record["messageId"],
        receipt=record["receiptHandle"],
        ref=_ref_of(record["body"]),
        correlation_id=attributes.get(CORRELATION_ID, {}).get("stringValue", ""),
        receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
    )


def _to_delivery(message: Mapping[str, Any]) -> Delivery:
    """A delivery from an answer of ReceiveMessage."""
    attributes = message.get("MessageAttributes", {})
    return Delivery(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        ref=_ref_of(message["Body"]),
        correlation_id=attributes.get(CORRELATION_ID, {}).get("StringValue", ""),
        receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
    )


def _ref_of(body: str) -> TaskRef | None:
    try:
        message = json.loads(body)
        agent_id, task_id = message["agentId"], message["taskId"]
        well_formed = AGENT_ID.fullmatch(agent_id) and is_task_id(task_id)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return TaskRef(agent_id, task_id) if well_formed else None
