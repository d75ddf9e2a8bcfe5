"""WeCom connections in the registry. The functions read; the operator's command writes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import REFUSED, REFUSED_TRANSACTION, call, code_of
from a2a_tasks.wecom.connection import API_URL, Connection, Conversation, Kind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ConnectionTaken(Exception):
    """There is a connection of this id; ids are unique in a deployment."""


class UnknownConnection(Exception):
    """The connection is no longer there, or it was made anew."""


@dataclass(frozen=True)
class DynamoDBConnections:
    """``ConnectionReader``, and what the operator's command writes. All raise ``StoreUnavailable``."""

    client: "DynamoDBClient"
    table: str

    def connection(self, connection_id: str) -> Connection | None:
        answer = call(
            self.client.get_item,
            TableName=self.table,
            Key=to_attributes(_key(connection_id)),
            ConsistentRead=True,
        )
        item = answer.get("Item")
        return to_connection(connection_id, from_attributes(item)) if item else None

    def connections_of(self, project_id: str) -> list[Connection]:
        """A project's connections by id."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=to_attributes({":pk": f"PROJECT#{project_id}", ":prefix": "WECOM#"}),
            ConsistentRead=True,
        )
        ids = [
            from_attributes(item)["sk"].removeprefix("WECOM#")
            for page in call(list, pages)
            for item in page["Items"]
        ]
        return [found for connection_id in ids if (found := self.connection(connection_id))]

    def create(self, connection: Connection) -> None:
        """Store a connection and list it under its project, in one write. Raises ``ConnectionTaken``."""
        try:
            call(
                self.client.transact_write_items,
                TransactItems=[
                    # an id that is taken stays whose it is
                    {
                        "Put": {
                            "TableName": self.table,
                            "Item": to_attributes(from_connection(connection)),
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                    {"Put": {"TableName": self.table, "Item": to_attributes(_listed(connection))}},
                ],
            )
        except ClientError as error:
            if code_of(error) == REFUSED_TRANSACTION:
                raise ConnectionTaken(connection.connection_id) from None
            raise

    def replace(self, connection: Connection) -> None:
        """Store all of a connection anew. Raises ``UnknownConnection``."""
        try:
            call(
                self.client.put_item,
                TableName=self.table,
                Item=to_attributes(from_connection(connection)),
                # one that was deleted meanwhile stays so, and nobody takes over what is another project's
                ConditionExpression="projectId = :project AND kind = :kind AND createdAt = :created",
                ExpressionAttributeValues=to_attributes(
                    {
                        ":project": connection.project_id,
                        ":kind": connection.kind,
                        ":created": connection.created_at,
                    }
                ),
            )
        except ClientError as error:
            if code_of(error) == REFUSED:
                raise UnknownConnection(connection.connection_id) from None
            raise

    def delete(self, connection: Connection) -> None:
        """Delete a connection, also from lists. Repeating it is harmless. Raises ``UnknownConnection``."""
        own, listed = _key(connection.connection_id), _listed(connection)
        # one that was made anew under the same id stays
        delete = {
            "TableName": self.table,
            "Key": to_attributes(own),
            "ConditionExpression": "attribute_not_exists(pk) OR createdAt = :created",
            "ExpressionAttributeValues": to_attributes({":created": connection.created_at}),
        }
        unlist = {"TableName": self.table, "Key": to_attributes(listed)}
        try:
            call(self.client.transact_write_items, TransactItems=[{"Delete": delete}, {"Delete": unlist}])
        except ClientError as error:
            if code_of(error) == REFUSED_TRANSACTION:
                raise UnknownConnection(connection.connection_id) from None
            raise


def to_connection(connection_id: str, item: dict[str, Any]) -> Connection:
    return Connection(
        connection_id=connection_id,
        project_id=item["projectId"],
        kind=Kind(item["kind"]),
        secret_arn=item["secretArn"],
        created_at=int(item["createdAt"]),
        agent_id=item.get("agentId"),
        bot_id=item.get("botId"),
        corp_id=item.get("corpId"),
        app_id=item.get("appId"),
        conversation=Conversation(item.get("conversation", Conversation.USER)),
        allowed_users=frozenset(item.get("allowedUsers", ())),
        allowed_departments=frozenset(int(number) for number in item.get("allowedDepartments", ())),
        welcome=item.get("welcome"),
        fallback=item.get("fallback"),
        api_url=item.get("apiUrl", API_URL),
        public_url=item.get("publicUrl"),
        markdown=item.get("markdown"),
        enabled=item["enabled"],
    )


def from_connection(connection: Connection) -> dict[str, Any]:
    """Its item; what is not set, or empty, is left out."""
    values = {
        "projectId": connection.project_id,
        "kind": connection.kind.value,
        "secretArn": connection.secret_arn,
        "createdAt": connection.created_at,
        "agentId": connection.agent_id,
        "botId": connection.bot_id,
        "corpId": connection.corp_id,
        "appId": connection.app_id,
        "conversation": connection.conversation.value,
        "allowedUsers": connection.allowed_users or None,
        "allowedDepartments": connection.allowed_departments or None,
        "welcome": connection.welcome,
        "fallback": connection.fallback,
        "apiUrl": connection.api_url,
        "publicUrl": connection.public_url,
        "markdown": connection.markdown,
        "enabled": connection.enabled,
    }
    return _key(connection.connection_id) | {
        name: value for name, value in values.items() if value is not None
    }


def _key(connection_id: str) -> dict[str, str]:
    return {"pk": f"WECOM#{connection_id}", "sk": "CONNECTION"}


def _listed(connection: Connection) -> dict[str, str]:
    return {"pk": f"PROJECT#{connection.project_id}", "sk": f"WECOM#{connection.connection_id}"}
