"""What callers have used of their rates, in the tasks' table: one item a bucket, one number in it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb_calls import call
from a2a_tasks.domain.rate import Rate
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
        tat, latest, cost = seen, rate.latest(count, now), count * rate.interval
        while max(tat, now) <= latest:
            if tat <= now:
                is_granted, tat = self._take_from_whole(bucket, now, now + cost)
            else:
                is_granted, tat = self._take_from_used(bucket, now, latest, cost)
            if is_granted:
                return Taking(True, tat)
        return Taking(False, tat)

    def _take_from_whole(self, bucket: Bucket, now: int, then: int) -> tuple[bool, int]:
        """Protects what others have taken: the bucket must still be whole."""
        return self._update(
            bucket,
            "SET tat = :then, #ttl = :ttl",
            "attribute_not_exists(tat) OR tat <= :now",
            {":then": then, ":now": now, ":ttl": _ttl(then)},
        )

    def _take_from_used(self, bucket: Bucket, now: int, latest: int, cost: int) -> tuple[bool, int]:
        """Protects the limit, whoever takes at the same moment: so many must still be there."""
        return self._update(
            bucket,
            "SET tat = tat + :cost, #ttl = :ttl",
            "tat > :now AND tat <= :latest",
            {":cost": cost, ":now": now, ":latest": latest, ":ttl": _ttl(latest + cost)},
        )

    def _update(
        self, bucket: Bucket, expression: str, condition: str, values: dict[str, int]
    ) -> tuple[bool, int]:
        """Whether the condition held, and the bucket's ``tat`` after the write, or as it stands."""
        try:
            answer = call(
                self.client.update_item,
                TableName=self.table,
                Key=to_attributes({"pk": f"RATE#{bucket.key_id}", "sk": bucket.metered.value}),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=to_attributes(values),
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return False, _tat(error.response.get("Item", {}))  # type: ignore[arg-type]
        return True, _tat(answer["Attributes"])


def _tat(item: dict[str, Any]) -> int:
    return int(from_attributes(item).get("tat", 0))


def _ttl(whole_at: int) -> int:
    """Seconds, like every ``ttl``."""
    return whole_at // 1_000_000 + TTL_GRACE_SECONDS
