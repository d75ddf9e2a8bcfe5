"""The task queue on SQS: three standard queues, each fair by project (``MessageGroupId``)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.concurrency.taker_watch import FRESH_MS, LINGER_MS
from a2a_tasks.domain.ids import AGENT_ID, is_task_id
from a2a_tasks.domain.schedule import goes_first
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CORRELATION_ID = "correlationId"
MAX_DELAY_SECONDS = 900
"""Limit of DelaySeconds."""
LONG_POLL_SECONDS = 1
"""A long poll queries all of SQS's servers; a short one may miss messages."""
SLOW_MS = LINGER_MS - FRESH_MS
"""A direct message that took longer may have come when the last worker had stopped waiting for it."""


@dataclass(frozen=True)
class DirectQueue:
    """The queue that only workers receive from, which are up already."""

    url: str
    is_open: Callable[[], bool]
    """Whether a worker takes from it, as known ``FRESH_MS`` ago."""
    clock: Clock


@dataclass(frozen=True)
class SQSTaskQueue:
    """``WorkerQueue`` and ``QueueLength``. A message only names its task; the rest is read from the item.

    SQS has no priorities, so urgent messages have a queue of their own. Without ``direct`` every message goes
    to one of the two that start workers.
    """

    client: "SQSClient"
    url: str
    urgent_url: str
    direct: DirectQueue | None = None

    def send(self, task: Task, delay_seconds: int = 0, *, has_slot: bool = False) -> None:
        message, is_urgent = _message(task.ref), has_slot or goes_first(task)
        # no worker may be up when a delayed message becomes visible, so it must be able to start one
        if not delay_seconds and self._send_directly(task, message, is_urgent=is_urgent):
            return
        url = self._url(is_urgent=is_urgent)
        self._send(url, message, task.project_id, task.correlation_id, delay_seconds)

    def _send_directly(self, task: Task, message: dict[str, Any], *, is_urgent: bool) -> bool:
        """Send it to a worker that is up, if one is. False if another one must be started: none is up, or the
        last may have gone meanwhile. A copy does no harm."""
        if self.direct is None:
            return False
        # measured from before the list is read: the list may be FRESH_MS old, and the last worker waits for
        # LINGER_MS after leaving it
        began = self.direct.clock.ticks()
        if not self.direct.is_open():
            return False
        # in the message, because a worker that moves it to another queue has not read the task
        message = message | {"projectId": task.project_id, "isUrgent": is_urgent}
        self._send(self.direct.url, message, task.project_id, task.correlation_id)
        return self.direct.clock.ticks() - began <= SLOW_MS

    def waiting(self, *, is_urgent: bool) -> int:
        name = "ApproximateNumberOfMessages"
        url = self._url(is_urgent=is_urgent)
        answer = self._call(self.client.get_queue_attributes, url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def change_visibility(self, deliveries: list[Delivery], seconds: int) -> None:
        """One call for each queue, with up to ten deliveries."""
        failed: list[Any] = []
        for url in sorted({self._url_of(delivery) for delivery in deliveries}):
            entries = [
                {"Id": str(n), "ReceiptHandle": delivery.receipt, "VisibilityTimeout": seconds}
                for n, delivery in enumerate(deliveries)
                if self._url_of(delivery) == url
            ]
            operation = self.client.change_message_visibility_batch
            failed += self._call(operation, url, Entries=entries).get("Failed", [])
        if failed:
            codes = ", ".join(sorted({entry["Code"] for entry in failed}))
            raise QueueUnavailable(
                f"{len(failed)} of {len(deliveries)} messages keep their visibility timeout: {codes}"
            )

    def receive(self, limit: int, visibility_seconds: int, *, only_urgent: bool = False) -> list[Delivery]:
        """Short poll of the urgent queue first; what that misses, the queue's own event source receives."""
        # short, so that a worker without urgent messages soon polls the other queue
        urgent = self._receive(self.urgent_url, limit, visibility_seconds, 0)
        if urgent or only_urgent:
            return urgent
        return self._receive(self.url, limit, visibility_seconds, LONG_POLL_SECONDS)

    def receive_direct(self, limit: int, visibility_seconds: int, wait_seconds: int) -> list[Delivery]:
        if self.direct is None:
            return []
        return self._receive(self.direct.url, limit, visibility_seconds, wait_seconds)

    def put_back(self, delivery: Delivery, seconds: int) -> None:
        if not delivery.is_direct or delivery.ref is None:
            self.change_visibility([delivery], seconds)
            return
        url = self._url(is_urgent=delivery.is_urgent)
        message, delay_seconds = _message(delivery.ref), min(seconds, MAX_DELAY_SECONDS)
        # the direct queue starts no worker. The message is copied before the original is deleted: a crash in
        # between leaves two messages, but a task is claimed once.
        self._send(url, message, delivery.project_id, delivery.correlation_id, delay_seconds)
        self.delete(delivery)

    def delete(self, delivery: Delivery) -> None:
        self._call(self.client.delete_message, self._url_of(delivery), ReceiptHandle=delivery.receipt)

    def delivery_of(self, record: Mapping[str, Any]) -> Delivery:
        """The delivery of a record of a Lambda SQS event."""
        attributes = record.get("messageAttributes", {})
        queue_name = record["eventSourceARN"].rpartition(":")[2]
        return Delivery(
            message_id=record["messageId"],
            receipt=record["receiptHandle"],
            ref=_ref_of(_body(record["body"])),
            correlation_id=attributes.get(CORRELATION_ID, {}).get("stringValue", ""),
            receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
            is_urgent=queue_name == self.urgent_url.rpartition("/")[2],
        )

    def _url(self, *, is_urgent: bool) -> str:
        return self.urgent_url if is_urgent else self.url

    def _url_of(self, delivery: Delivery) -> str:
        if delivery.is_direct and self.direct is not None:
            return self.direct.url
        return self._url(is_urgent=delivery.is_urgent)

    def _send(
        self,
        url: str,
        message: dict[str, Any],
        project_id: str,
        correlation_id: str,
        delay_seconds: int = 0,
    ) -> None:
        delay = {"DelaySeconds": delay_seconds} if delay_seconds else {}
        self._call(
            self.client.send_message,
            url,
            MessageBody=json.dumps(message),
            MessageGroupId=project_id,
            MessageAttributes={CORRELATION_ID: {"DataType": "String", "StringValue": correlation_id}},
            **delay,
        )

    def _receive(self, url: str, limit: int, visibility_seconds: int, wait_seconds: int) -> list[Delivery]:
        answer = self._call(
            self.client.receive_message,
            url,
            MaxNumberOfMessages=limit,
            VisibilityTimeout=visibility_seconds,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=[CORRELATION_ID],
        )
        return [self._delivery(message, url) for message in answer.get("Messages", [])]

    def _delivery(self, message: Mapping[str, Any], url: str) -> Delivery:
        """The delivery of a message from ReceiveMessage."""
        attributes, body = message.get("MessageAttributes", {}), _body(message["Body"])
        is_direct = self.direct is not None and url == self.direct.url
        return Delivery(
            message_id=message["MessageId"],
            receipt=message["ReceiptHandle"],
            ref=_ref_of(body),
            correlation_id=attributes.get(CORRELATION_ID, {}).get("StringValue", ""),
            receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
            is_urgent=bool(body.get("isUrgent")) if is_direct else url == self.urgent_url,
            is_direct=is_direct,
            project_id=str(body.get("projectId", "")) if is_direct else "",
        )

    def _call(self, operation: Callable[..., Any], url: str, **arguments: Any) -> Any:
        with port_errors(QueueUnavailable):
            return operation(QueueUrl=url, **arguments)


def _message(ref: TaskRef) -> dict[str, Any]:
    return {"agentId": ref.agent_id, "taskId": ref.task_id}


def _body(text: str) -> dict[str, Any]:
    """The JSON object of a message, empty if there is none."""
    try:
        body = json.loads(text)
    except ValueError:
        # no exception: one malformed message would return its whole event again and again
        return {}
    return body if isinstance(body, dict) else {}


def _ref_of(body: Mapping[str, Any]) -> TaskRef | None:
    agent_id, task_id = body.get("agentId"), body.get("taskId")
    if not isinstance(agent_id, str) or not isinstance(task_id, str):
        return None
    return TaskRef(agent_id, task_id) if AGENT_ID.fullmatch(agent_id) and is_task_id(task_id) else None
