"""The cost of refreshes: requests and read units, counted as they are made."""

from dataclasses import dataclass
from typing import Any

READ_UNIT_USD = 0.125 / 1_000_000
QUEUE_REQUEST_USD = 0.40 / 1_000_000
METRIC_USD = 0.01 / 1_000
ALARM_REQUEST_USD = 0.01 / 1_000
_READS = ("Query", "GetItem", "BatchGetItem")


@dataclass
class Meter:
    """Counts from when it watches a client on. Prices are the list's in us-east-1, on demand."""

    read_units: float = 0
    requests: int = 0
    queue_requests: int = 0

    def watch_tables(self, client: Any) -> Any:
        """The client of DynamoDB, whose reads are counted from now on."""
        client.meta.events.register("provide-client-params.dynamodb", _ask_for_units)
        client.meta.events.register("after-call.dynamodb", self._count_units)
        return client

    def watch_queues(self, client: Any) -> Any:
        """The client of SQS, whose requests are counted from now on."""
        client.meta.events.register("after-call.sqs", self._count_request)
        return client

    @property
    def usd(self) -> float:
        """Of all that was counted."""
        return self.read_units * READ_UNIT_USD + self.queue_requests * QUEUE_REQUEST_USD

    def _count_units(self, parsed: dict[str, Any], **_: Any) -> None:
        self.requests += 1
        used = parsed.get("ConsumedCapacity", [])
        for one in used if isinstance(used, list) else [used]:
            self.read_units += float(one.get("CapacityUnits", 0))

    def _count_request(self, **_: Any) -> None:
        self.requests += 1
        self.queue_requests += 1


def _ask_for_units(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
    return params | {"ReturnConsumedCapacity": "TOTAL"} if model.name in _READS else params
