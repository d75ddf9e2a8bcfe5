"""The worker's event source: how many messages an invocation gets, and how many invocations run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.deployed import Deployed, wait_until
from tests.integration.account import record_of

RECEIVE_SECONDS = 30


@dataclass(frozen=True)
class EventSource:
    """What feeds the worker of a local stack."""

    deployed: Deployed
    uuid: str

    @classmethod
    def of(cls, deployed: Deployed) -> "EventSource":
        functions = deployed.client("lambda")
        name = deployed.outputs["WorkerFunctionName"]
        (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        return cls(deployed, mapping["UUID"])

    @contextmanager
    def changed(self, batch_size: int, workers: int) -> Iterator[None]:
        """Begin disabled with other settings; when the block ends, all is as it was."""
        before = self._functions.get_event_source_mapping(UUID=self.uuid)
        self._update(BatchSize=batch_size, ScalingConfig={"MaximumConcurrency": workers}, Enabled=False)
        try:
            yield
        finally:
            self._update(BatchSize=before["BatchSize"], ScalingConfig=before["ScalingConfig"], Enabled=True)

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """For the length of the block the worker gets nothing."""
        self._update(Enabled=False)
        try:
            yield
        finally:
            self.enable()

    def enable(self) -> None:
        self._update(Enabled=True)

    def receive(self, count: int) -> dict[str, Any]:
        """An event with one message for each of so many tasks, as the worker would get it."""
        records: dict[str, Any] = {}

        def look() -> bool:
            answer = self.deployed.client("sqs").receive_message(
                QueueUrl=self.deployed.outputs["TaskQueueUrl"],
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            records.update((message["Body"], record_of(message)) for message in answer.get("Messages", []))
            return len(records) == count

        wait_until(look, RECEIVE_SECONDS, f"messages for {count} tasks")
        return {"Records": list(records.values())}

    def purge(self) -> None:
        """Delete all messages."""
        self.deployed.client("sqs").purge_queue(QueueUrl=self.deployed.outputs["TaskQueueUrl"])

    def _update(self, **changes: Any) -> None:
        self._functions.update_event_source_mapping(UUID=self.uuid, **changes)

    @property
    def _functions(self) -> Any:
        return self.deployed.client("lambda")
