"""The paces of models, in the tasks' table: one small item a model and key, there only after an overload."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.domain.pace import Pace, Way
from a2a_tasks.ports.model import PaceTurn

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 24 * 3600
"""A pace that nobody has used for so long limits nobody."""
NOBODY_IS_URGENT = "attribute_not_exists(urgentUntil) OR urgentUntil <= :now"


@dataclass(frozen=True)
class DynamoDBPaces:
    """``PaceStore``."""

    client: "DynamoDBClient"
    table: str

    def pace(self, way: Way) -> Pace | None:
        answer = call(self.client.get_item, TableName=self.table, Key=_key(way), ConsistentRead=True)
        return _pace(answer.get("Item"))

    def put(self, way: Way, seen: Pace | None, pace: Pace) -> Pace | None:
        """Protects what another worker has learned since: of many calls that are turned away at a moment one
        makes the pace slower."""
        values = {
            ":gap": pace.gap_ms,
            ":set": pace.set_at,
            ":next": pace.next_at,
            ":overloaded": pace.is_overloaded,
            ":ttl": pace.set_at // 1000 + KEPT_SECONDS,
        }
        expression = "SET gapMs = :gap, setAt = :set, nextAt = :next, overloaded = :overloaded, #ttl = :ttl"
        if pace.taken_at is None:
            expression += " REMOVE takenAt"
        else:
            expression = expression.replace("SET ", "SET takenAt = :taken, ")
            values[":taken"] = pace.taken_at
        condition, seen_values = _as_seen(seen)
        return self._update(way, expression, condition, values | seen_values).pace

    def take(self, way: Way, seen: Pace, now: int, *, is_urgent: bool) -> PaceTurn:
        """Protects the pace, whoever starts calls at the same moment: each goes by the one before."""
        condition, values = _as_seen(seen)
        condition += " AND nextAt <= :now"
        if not is_urgent:
            condition += f" AND ({NOBODY_IS_URGENT})"
        values |= {
            ":next": now + seen.count_at(now) * seen.gap_at(now),
            ":now": now,
            ":ttl": now // 1000 + KEPT_SECONDS,
        }
        return self._update(way, "SET nextAt = :next, #ttl = :ttl", condition, values)

    def note_urgent(self, way: Way, until: int) -> None:
        """Protects against a pace that is gone: only what is there changes."""
        condition = "attribute_exists(setAt)"
        self._update(way, "SET urgentUntil = :until", condition, {":until": until})

    def _update(self, way: Way, expression: str, condition: str, values: dict[str, Any]) -> PaceTurn:
        names = {"#ttl": "ttl"} if "#ttl" in expression else {}
        try:
            answer = call(
                self.client.update_item,
                TableName=self.table,
                Key=_key(way),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_attributes(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **({"ExpressionAttributeNames": names} if names else {}),
            )
        except ClientError as error:
            return PaceTurn(False, _pace(error.response.get("Item")))
        return PaceTurn(True, _pace(answer["Attributes"]))


def _as_seen(seen: Pace | None) -> tuple[str, dict[str, int]]:
    """What is true as long as nobody has set another pace, or has let this one grow."""
    if seen is None:
        return "attribute_not_exists(setAt)", {}
    if seen.taken_at is None:
        return "setAt = :seen AND attribute_not_exists(takenAt)", {":seen": seen.set_at}
    return "setAt = :seen AND takenAt = :seenTaken", {":seen": seen.set_at, ":seenTaken": seen.taken_at}


def _key(way: Way) -> dict[str, Any]:
    return to_attributes({"pk": f"PACE#{way.model}#{way.key}", "sk": "PACE"})


def _pace(item: Any) -> Pace | None:
    if not item:
        return None
    values = from_attributes(item)
    return Pace(
        gap_ms=int(values["gapMs"]),
        set_at=int(values["setAt"]),
        next_at=int(values["nextAt"]),
        taken_at=int(values["takenAt"]) if "takenAt" in values else None,
        is_overloaded=bool(values["overloaded"]),
        urgent_until=int(values.get("urgentUntil", 0)),
    )
