"""A table as it is, and what it lacks to replace one of the template's.

A restore brings back items and indexes. Streams, time to live and point-in-time recovery are off
afterwards
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery.Tutorial.html).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STREAM, TIME_TO_LIVE, RECOVERY = "its stream", "its time to live", "its point-in-time recovery"


@dataclass(frozen=True)
class TableState:
    """``stream_arn`` is None while the stream is off; ``ttl`` is the name of the time-to-live attribute."""

    arn: str
    status: str
    keys: frozenset[tuple[str, str]]
    indexes: Mapping[str, Any]
    stream_arn: str | None
    stream_view: str | None
    ttl: str | None
    has_recovery: bool

    @classmethod
    def read(cls, client: "DynamoDBClient", table: str) -> "TableState":
        """Raises ``ClientError``, for example if the table does not exist."""
        found: Any = client.describe_table(TableName=table)["Table"]
        stream = found.get("StreamSpecification", {})
        is_on = bool(stream.get("StreamEnabled"))
        ttl = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {})
        return cls(
            arn=found["TableArn"],
            status=found["TableStatus"],
            keys=_keys(found["KeySchema"]),
            indexes={index["IndexName"]: _index(index) for index in found.get("GlobalSecondaryIndexes", [])},
            stream_arn=found.get("LatestStreamArn") if is_on else None,
            stream_view=stream.get("StreamViewType") if is_on else None,
            ttl=ttl.get("AttributeName") if ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING") else None,
            has_recovery=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        )

    def faults(self, wanted: Mapping[str, Any]) -> Iterator[str]:
        """The differences that cannot be switched on; ``wanted`` are a table's properties in the template."""
        if self.status != "ACTIVE":
            yield f"is {self.status}"
        if self.keys != _keys(wanted["KeySchema"]):
            yield "has other keys"
        for index in wanted.get("GlobalSecondaryIndexes", []):
            if self.indexes.get(index["IndexName"]) != _index(index):
                yield f"lacks the index {index['IndexName']} as this release has it"
        view = wanted.get("StreamSpecification", {}).get("StreamViewType")
        if view and self.stream_view not in (None, view):
            yield f"has a stream of {self.stream_view}, not of {view}"

    def switched_off(self, wanted: Mapping[str, Any]) -> list[str]:
        """The features that ``switch_on`` enables."""
        off = []
        if "StreamSpecification" in wanted and self.stream_arn is None:
            off.append(STREAM)
        if self.ttl != wanted["TimeToLiveSpecification"]["AttributeName"]:
            off.append(TIME_TO_LIVE)
        if not self.has_recovery:
            off.append(RECOVERY)
        return off


def switch_on(client: "DynamoDBClient", table: str, wanted: Mapping[str, Any]) -> TableState:
    """Enable what is off, and wait until the table is active again. Idempotent. Raises ``ClientError``."""
    off = TableState.read(client, table).switched_off(wanted)
    if RECOVERY in off:
        client.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    if TIME_TO_LIVE in off:
        attribute = wanted["TimeToLiveSpecification"]["AttributeName"]
        client.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"AttributeName": attribute, "Enabled": True}
        )
    if STREAM in off:
        view = wanted["StreamSpecification"]["StreamViewType"]
        client.update_table(
            TableName=table, StreamSpecification={"StreamEnabled": True, "StreamViewType": view}
        )
        client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
    return TableState.read(client, table)


def _keys(schema: list[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((key["AttributeName"], key["KeyType"]) for key in schema)


def _index(index: Mapping[str, Any]) -> Any:
    projection = index["Projection"]
    attributes = frozenset(projection.get("NonKeyAttributes", []))
    return _keys(index["KeySchema"]), projection["ProjectionType"], attributes
