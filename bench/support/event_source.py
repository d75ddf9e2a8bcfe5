"""Event sources of a local stack: whether they invoke functions, and the events that a function would get."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from local.deployed import Deployed, wait_until
from tests.integration.support.account import TASK_QUEUES, record_of

RECEIVE_SECONDS = 120


@dataclass(frozen=True)
class EventSource:
    """The worker's event sources, or with ``every`` those of all functions."""

    deployed: Deployed
    uuids: tuple[str, ...]

    @classmethod
    def of(cls, deployed: Deployed) -> "EventSource":
        functions = deployed.client("lambda")
        name = deployed.outputs["WorkerFunctionName"]
        mappings = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        return cls(deployed, tuple(mapping["UUID"] for mapping in mappings))

    @classmethod
    def every(cls, deployed: Deployed) -> "EventSource":
        mappings = deployed.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        return cls(deployed, tuple(mapping["UUID"] for mapping in mappings))

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """For the length of the block the worker gets no events."""
        self._update(Enabled=False)
        try:
            yield
        finally:
            self.enable()

    def enable(self) -> None:
        self._update(Enabled=True)

    def receive(self, count: int, queues: Sequence[str] = TASK_QUEUES) -> dict[str, Any]:
        """An event with this many different messages, as the queues' function would get it."""
        records: dict[str, Any] = {}

        def look() -> bool:
            for queue in queues:
                answer = self._sqs.receive_message(
                    QueueUrl=self._url(queue),
                    MaxNumberOfMessages=min(10, count),
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
                for message in answer.get("Messages", []):
                    records[message["Body"]] = record_of(message, queue)
            return len(records) == count

        wait_until(look, RECEIVE_SECONDS, f"{count} messages in {', '.join(queues)}")
        return {"Records": list(records.values())}

    def settle(self, event: dict[str, Any]) -> None:
        """Delete those of an event's messages that its function has not deleted, as Lambda does."""
        sqs = self._sqs
        for record in event["Records"]:
            url = self._url(record["eventSourceARN"].rpartition(":")[2])
            with suppress(sqs.exceptions.ReceiptHandleIsInvalid):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])

    def purge(self) -> None:
        """Delete all messages."""
        for queue in (*TASK_QUEUES, "DirectTaskQueue", "NotificationQueue"):
            self._sqs.purge_queue(QueueUrl=self._url(queue))

    def _update(self, **changes: Any) -> None:
        for uuid in self.uuids:
            self._functions.update_event_source_mapping(UUID=uuid, **changes)

    def _url(self, queue: str) -> str:
        """The URL of a queue, by its logical id."""
        stack = self.deployed.stack
        cloudformation = self.deployed.client("cloudformation")
        found = cloudformation.describe_stack_resource(StackName=stack.stack_name, LogicalResourceId=queue)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    @property
    def _sqs(self) -> Any:
        return self.deployed.client("sqs")

    @property
    def _functions(self) -> Any:
        return self.deployed.client("lambda")
