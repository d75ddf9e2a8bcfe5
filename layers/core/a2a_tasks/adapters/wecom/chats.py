"""Chats in the tasks' table: one item each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class DynamoDBChats:
    """``ChatStore``. There is an item only of a chat in which somebody began anew."""

    client: "DynamoDBClient"
    table: str

    def generation(self, connection_id: str, chat_key: str) -> int:
        answer = call(
            self.client.get_item,
            TableName=self.table,
            Key=_key(connection_id, chat_key),
            ConsistentRead=True,
        )
        return _generation(answer.get("Item") or {})

    def begin(self, connection_id: str, chat_key: str, message_key: str) -> int:
        """Protects the conversation that the same message has begun already."""
        try:
            answer = call(
                self.client.update_item,
                TableName=self.table,
                Key=_key(connection_id, chat_key),
                UpdateExpression="SET begunBy = :message ADD generation :one",
                ConditionExpression="attribute_not_exists(begunBy) OR begunBy <> :message",
                ExpressionAttributeValues=to_attributes({":message": message_key, ":one": 1}),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _generation(error.response["Item"])  # type: ignore[typeddict-item]
        return _generation(answer["Attributes"])


def _generation(item: dict[str, Any]) -> int:
    return int(from_attributes(item).get("generation", 0))


def _key(connection_id: str, chat_key: str) -> dict[str, Any]:
    return to_attributes({"pk": f"CHAT#{connection_id}#{chat_key}", "sk": "CHAT"})
