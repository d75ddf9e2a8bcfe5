"""The stream of the tasks' table on moto, as Lambda hands it to a function."""

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import boto3

from tests.integration.support.account import Account
from tests.integration.support.template import resource_properties

ENDPOINT = "https://streams.dynamodb.eu-central-1.amazonaws.com"
"""The service's older address: the newer one has the account's id in it, and moto does not know it."""


@dataclass
class TableStream:
    """Records since the last look, in their order; ``iterator`` is where that ended."""

    account: Account
    iterator: str | None = None

    def all(self) -> list[dict[str, Any]]:
        """Every record."""
        client: Any = boto3.client("dynamodbstreams", endpoint_url=ENDPOINT)
        if self.iterator is None:
            table = self.account.dynamodb.describe_table(TableName=self.account.resources["TasksTable"])
            arn = table["Table"]["LatestStreamArn"]
            (shard,) = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
            self.iterator = client.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        answer = client.get_records(ShardIterator=self.iterator)
        self.iterator = answer["NextShardIterator"]
        return [as_event(record) for record in answer["Records"]]

    def new(self, function: str = "NotifierFunction") -> list[dict[str, Any]]:
        """Those that a function is invoked with."""
        return passed_on(self.all(), function)


def passed_on(records: Iterable[dict[str, Any]], function: str) -> list[dict[str, Any]]:
    """Those that a function is invoked with: its event source's filters let pass a record that one of them
    fits."""
    (event,) = [
        event["Properties"]
        for event in resource_properties(function)["Events"].values()
        if event["Type"] == "DynamoDB"
    ]
    patterns = [json.loads(item["Pattern"]) for item in event["FilterCriteria"]["Filters"]]
    return [record for record in records if any(_fits(pattern, record) for pattern in patterns)]


def as_event(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a function gets it."""
    at = record["dynamodb"]["ApproximateCreationDateTime"].timestamp()
    change = record["dynamodb"] | {"ApproximateCreationDateTime": at}
    event: dict[str, Any] = json.loads(
        json.dumps(record | {"dynamodb": change}, default=lambda binary: b64encode(binary).decode())
    )
    return event


def _fits(pattern: dict[str, Any], found: Any) -> bool:
    """Lambda's rule for patterns of plain values: each that is named is there, and one of those listed."""
    for name, wanted in pattern.items():
        if not isinstance(found, dict) or name not in found:
            return False
        if isinstance(wanted, list):
            if found[name] not in wanted:
                return False
        elif not _fits(wanted, found[name]):
            return False
    return True
