"""The built functions of a local stack, each in its own process, invoked explicitly with the events that AWS
would deliver."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.bill.part import BYTES_PER_GB, Part
from bench.bill.prices import Unit
from bench.bill.usage import Usage
from bench.support.built_function import BuiltFunction
from bench.support.dynamodb_units import STORED_BYTES, Index, item_bytes
from bench.support.event_source import EventSource
from bench.support.running_function import Handled, RunningFunction
from local.deployed import Project
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.table_stream import as_event, passed_on
from tests.integration.support.template import table_definition
from tests.load.simulator.settings import Settings

TO_THE_END_MS = 900_000
HEAD_BYTES = 500
"""Of a request or response, in addition to its body."""
BEHIND_THE_API = ("Api", "Messages", "A2A", "Wecom")


@dataclass
class Running:
    """Starts a function when it is first used. ``metrics`` are all metrics found in logs."""

    project: Project
    source: EventSource
    settings: Settings = field(default_factory=Settings)
    metrics: set[str] = field(default_factory=set)
    _functions: dict[str, RunningFunction] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)
    _seen: dict[str, list[Handled]] = field(default_factory=dict)
    _calls: int = 0
    _iterator: str | None = None

    @classmethod
    @contextmanager
    def of(cls, project: Project) -> Iterator["Running"]:
        """For the length of the block, in which nothing else invokes a function."""
        source = EventSource.every(project.deployed)
        with source.disabled(), ExitStack() as opened:
            running = cls(project, source, _open=opened)
            source.purge()
            running.records()
            running.parts()
            yield running

    # -- invoking functions

    def invoke(self, function: str, event: dict[str, Any]) -> Handled:
        """``function`` is its name in the template without `Function`."""
        if function not in self._functions:
            built = BuiltFunction.of(self.project.deployed, f"{function}Function")
            self._functions[function] = self._open.enter_context(RunningFunction.of(built))
        handled = self._functions[function].handle(event, TO_THE_END_MS)
        self._seen.setdefault(function, []).append(handled)
        self.metrics.update(handled.logged.metrics)
        return handled

    def request(self, method: str, path: str, function: str = "Api", **options: Any) -> Answer:
        """A request to the API. Raises ``RuntimeError`` if the response is an error."""
        caller = Caller(self._handler(function), self.project.project_id, self.project.key_id)
        answer = caller.send(method, path, **options)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.text}")
        return answer

    def work(self, tasks: int = 1) -> None:
        """Invoke the worker with one full event of tasks; it receives the rest itself."""
        event = self.source.receive(min(10, tasks))
        self.invoke("Worker", event)
        self.source.settle(event)

    def tell(self) -> None:
        """Deliver each change that has a receiver to the notifier, one by one, and its notifications to the
        receivers."""
        for record in passed_on(self.records(), "NotifierFunction"):
            self.invoke("Notifier", {"Records": [record]})
            event = self.source.receive(1, ("NotificationQueue",))
            self.invoke("Webhooks", event)
            self.source.settle(event)

    def records(self) -> list[dict[str, Any]]:
        """The records of the table's stream since the previous call."""
        client = self.project.deployed.client("dynamodbstreams")
        if self._iterator is None:
            table = self.project.deployed.outputs["TasksTable"]
            described = self.project.deployed.client("dynamodb").describe_table(TableName=table)
            arn = described["Table"]["LatestStreamArn"]
            (shard,) = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
            start = {"ShardId": shard["ShardId"], "ShardIteratorType": "LATEST"}
            self._iterator = client.get_shard_iterator(StreamArn=arn, **start)["ShardIterator"]
        records: list[dict[str, Any]] = []
        while (answer := client.get_records(ShardIterator=self._iterator))["Records"]:
            self._iterator = answer["NextShardIterator"]
            records += map(as_event, answer["Records"])
        return records

    # -- their usage

    def parts(self, tasks: float = 1) -> tuple[Part, ...]:
        """Each function's work since the previous call, divided by this many tasks; includes what it sent."""
        seen, self._seen = self._seen, {}
        sent = self._sent_to_claude()
        parts = []
        for function, handled in seen.items():
            memory = self.settings.function(f"{function}Function").memory_mb
            part = Part.of(function, memory, handled, tasks)
            extra = Usage({Unit.SENT_GB: sent / tasks / BYTES_PER_GB}) if function == "Worker" else Usage()
            if function in BEHIND_THE_API:
                answered = sum(HEAD_BYTES + len(each.answer.get("body") or "") for each in handled)
                extra += Usage(
                    {
                        Unit.API_REQUESTS: part.invocations,
                        Unit.SENT_GB: answered / tasks / BYTES_PER_GB,
                    }
                )
            parts.append(part.with_usage(extra))
        return tuple(parts)

    def stored(self) -> Usage:
        """What the tasks' table with its indexes, and the bucket store now, for a month."""
        units = {Unit.TABLE_GB: self._table_bytes(), Unit.S3_GB: self._bucket_bytes()}
        return Usage(units) * (1 / BYTES_PER_GB)

    def _bucket_bytes(self) -> int:
        deployed = self.project.deployed
        listing = deployed.client("s3").get_paginator("list_objects_v2")
        pages = listing.paginate(Bucket=deployed.outputs["PayloadBucket"])
        return sum(item["Size"] for page in pages for item in page.get("Contents", ()))

    def _table_bytes(self) -> int:
        indexes = [Index.of(each) for each in table_definition("TasksTable")["GlobalSecondaryIndexes"]]
        deployed = self.project.deployed
        pages = (
            deployed.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=deployed.outputs["TasksTable"])
        )
        return sum(
            item_bytes(item) + STORED_BYTES + sum(index.stored_bytes(item) for index in indexes)
            for page in pages
            for item in page["Items"]
        )

    def _handler(self, function: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
        def handle(event: dict[str, Any], _: Any) -> dict[str, Any]:
            answer: dict[str, Any] = self.invoke(function, event).answer
            return answer

        return handle

    def _sent_to_claude(self) -> int:
        """Bytes since the previous call."""
        calls = self.project.deployed.standin.calls(since=self._calls)
        self._calls += len(calls)
        return sum(HEAD_BYTES + call.request_bytes for call in calls)
