"""The worker's event sources: how many messages an invocation gets, and how many run at a time of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.deployed import Deployed, wait_until
from tests.integration.support.account import record_of

RECEIVE_SECONDS = 120


@dataclass(frozen=True)
class EventSource:
    """What feeds the worker of a local stack."""

    deployed: Deployed
    uuids: tuple[str, ...]

    @classmethod
    def of(cls, deployed: Deployed) -> "EventSource":
        functions = deployed.client("lambda")
        name = deployed.outputs["WorkerFunctionName"]
        mappings = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        return cls(deployed, tuple(mapping["UUID"] for mapping in mappings))

    @contextmanager
    def changed(self, batch_size: int, workers: int) -> Iterator[None]:
        """Begin disabled with other settings; when the block ends, all is as it was."""
        before = [self._functions.get_event_source_mapping(UUID=uuid) for uuid in self.uuids]
        self._update(BatchSize=batch_size, ScalingConfig={"MaximumConcurrency": workers}, Enabled=False)
        try:
            yield
        finally:
            for each in before:
                kept = {name: each[name] for name in ("UUID", "BatchSize", "ScalingConfig")}
                self._functions.update_event_source_mapping(**kept, Enabled=True)

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
        # what goes on after a hand-over is urgent
        urls = [self.deployed.outputs[name] for name in ("TaskQueueUrl", "UrgentTaskQueueUrl")]

        def look() -> bool:
            for url in urls:
                answer = self.deployed.client("sqs").receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=10,
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
                for message in answer.get("Messages", []):
                    records[message["Body"]] = record_of(message, url.rpartition("/")[2])
            return len(records) == count

        wait_until(look, RECEIVE_SECONDS, f"messages for {count} tasks")
        return {"Records": list(records.values())}

    def purge(self) -> None:
        """Delete all messages."""
        for name in ("TaskQueueUrl", "UrgentTaskQueueUrl", "DirectTaskQueueUrl"):
            self.deployed.client("sqs").purge_queue(QueueUrl=self.deployed.outputs[name])

    def _update(self, **changes: Any) -> None:
        for uuid in self.uuids:
            self._functions.update_event_source_mapping(UUID=uuid, **changes)

    @property
    def _functions(self) -> Any:
        return self.deployed.client("lambda")
