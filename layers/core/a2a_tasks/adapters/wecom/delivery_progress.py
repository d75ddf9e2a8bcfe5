"""How far answers are that are sent in parts: one item each, in the partition of what their task owns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.record_keys import delivery_key
from a2a_tasks.wecom.ports import DeliveryProgress, DeliveryProgressRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TTL_SECONDS = 7 * 24 * 3600
"""An answer is on its way for hours at most."""


@dataclass(frozen=True)
class DynamoDBDeliveryProgress:
    """``DeliveryProgressStore``."""

    client: "DynamoDBClient"
    table: str

    def hold(self, ref: DeliveryProgressRef, holder: str, now: int, until: int) -> DeliveryProgress | None:
        """One sender at a time, so that parts stay in order and none is sent by two; whoever has died at it
        loses it when its time is over. The same may come again, since the answer may have been lost."""
        item = self._update(
            ref,
            "SET holder = :holder, heldUntil = :until, #ttl = :ttl",
            "attribute_not_exists(heldUntil) OR heldUntil <= :now OR holder = :holder",
            {":holder": holder, ":until": until, ":now": now, ":ttl": now // 1000 + TTL_SECONDS},
        )
        return None if item is None else DeliveryProgress(int(item.get("sent", 0)), item.get("mediaId"))

    def note(self, ref: DeliveryProgressRef, holder: str, sent: DeliveryProgress) -> bool:
        """Protects what another sender, who took over, has written: only the holder counts on."""
        media = {} if sent.media_id is None else {":media": sent.media_id}
        expression = "SET sent = :sent" + (", mediaId = :media" if media else "")
        values = {":holder": holder, ":sent": sent.count} | media
        return self._update(ref, expression, "holder = :holder", values) is not None

    def let_go(self, ref: DeliveryProgressRef, holder: str) -> None:
        """Protects whoever holds it by now."""
        self._update(ref, "REMOVE holder, heldUntil", "holder = :holder", {":holder": holder})

    def _update(
        self, ref: DeliveryProgressRef, expression: str, condition: str, values: dict[str, Any]
    ) -> dict[str, Any] | None:
        """The item then; None where the condition does not hold."""
        names = {"ExpressionAttributeNames": {"#ttl": "ttl"}} if "#ttl" in expression else {}
        try:
            answer = call(
                self.client.update_item,
                TableName=self.table,
                Key=_key(ref),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_attributes(values),
                ReturnValues="ALL_NEW",
                **names,
            )
        except ClientError:
            return None
        return from_attributes(answer["Attributes"])


def _key(ref: DeliveryProgressRef) -> dict[str, Any]:
    return to_attributes({"pk": task_items.owned_partition(ref.task_id), "sk": delivery_key(ref.name)})
