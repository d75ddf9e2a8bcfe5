"""What callers have used of their rates, in the tasks' table: one item a bucket, two numbers in it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.rates import Bucket, Taking

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TTL_GRACE_SECONDS = 24 * 3600
"""So long after it is whole again the table's TTL may delete a bucket: a missing one is whole."""


@dataclass(frozen=True)
class DynamoDBRates:
    """``RateStore``."""

    client: "DynamoDBClient"
    table: str

    def take(self, bucket: Bucket, rate: Rate, count: int, now: int, seen: int = 0) -> Taking:
        """Expressions know no maximum, so there is one write for a bucket that is whole and one for another.
        What was seen of it decides which is tried first, and a refusal brings the truth.
        """
        taking, latest, cost = Taking(False, seen, 0), rate.latest(count, now), count * rate.interval
        while not taking.is_granted and max(taking.tat, now) <= latest:
            values = {":now": now, ":count": count}
            if taking.tat <= now:
                taking = self._take_from_whole(bucket, now + cost, values)
            else:
                taking = self._take_from_used(bucket, latest, cost, values)
        return taking

    def _take_from_whole(self, bucket: Bucket, then: int, values: dict[str, int]) -> Taking:
        """Protects what others have taken: the bucket must still be whole."""
        return self._update(
            bucket,
            "SET tat = :then, #ttl = :ttl ADD #total :count",
            "attribute_not_exists(tat) OR tat <= :now",
            values | {":then": then, ":ttl": _ttl(then)},
        )

    def _take_from_used(self, bucket: Bucket, latest: int, cost: int, values: dict[str, int]) -> Taking:
        """Protects the limit, whoever takes at the same moment: so many must still be there."""
        return self._update(
            bucket,
            "SET tat = tat + :cost, #ttl = :ttl ADD #total :count",
            "tat > :now AND tat <= :latest",
            values | {":cost": cost, ":latest": latest, ":ttl": _ttl(latest + cost)},
        )

    def _update(self, bucket: Bucket, expression: str, condition: str, values: dict[str, int]) -> Taking:
        """What became of it if the condition held, or the bucket as it stands."""
        try:
            answer = call(
                self.client.update_item,
                TableName=self.table,
                Key=to_attributes({"pk": f"RATE#{bucket.key_id}", "sk": bucket.metered.value}),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#ttl": "ttl", "#total": "total"},
                ExpressionAttributeValues=to_attributes(values),
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _taking(False, error.response.get("Item", {}))  # type: ignore[arg-type]
        return _taking(True, answer["Attributes"])


def _taking(is_granted: bool, item: dict[str, Any]) -> Taking:
    bucket = from_attributes(item)
    return Taking(is_granted, int(bucket.get("tat", 0)), int(bucket.get("total", 0)))


def _ttl(whole_at: int) -> int:
    """Seconds, like every ``ttl``."""
    return whole_at // 1_000_000 + TTL_GRACE_SECONDS
