"""Idempotency keys in the tasks table, each in its own partition to spread the load."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.ports.tasks import Reservation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class DynamoDBReservations:
    """``ReservationStore``."""

    client: "DynamoDBClient"
    table: str

    def reserve(self, project_id: str, scope: str, key: str, wanted: Reservation, now: int) -> Reservation:
        """Protects the earlier reservation until it expires. The table's TTL deletes it later."""
        # hashed, since a key is arbitrary and possibly sensitive text
        digest = hashlib.sha256(f"{scope}\n{key}".encode()).hexdigest()
        item = {
            "pk": f"IDEMPOTENCY#{project_id}#{digest}",
            "sk": "RESERVATION",
            "taskId": wanted.task_id,
            "digest": wanted.digest,
            "until": wanted.until,
            "ttl": wanted.until // 1000,
        }
        if wanted.call_id is not None:
            item["callId"] = wanted.call_id
        try:
            call(
                self.client.put_item,
                TableName=self.table,
                Item=to_attributes(item),
                ConditionExpression="attribute_not_exists(pk) OR #until <= :now",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues=to_attributes({":now": now}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            found = from_attributes(error.response["Item"])  # type: ignore[typeddict-item]
            return Reservation(found["taskId"], found["digest"], int(found["until"]), found.get("callId"))
        return wanted
