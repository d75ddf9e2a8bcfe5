"""WeCom connections in the registry. The functions read; the operator's command writes."""

from dataclasses import dataclass
from typing import Any

from a2a_tasks.adapters.dynamodb.store import ALWAYS, Store
from a2a_tasks.adapters.dynamodb.update import when
from a2a_tasks.wecom.connection import API_URL, Connection, ConnectionKind, ConversationScope
from a2a_tasks.wecom.language import Language


class ConnectionTaken(Exception):
    """There is a connection of this id; ids are unique in a deployment."""


class UnknownConnection(Exception):
    """The connection is no longer there, or it was made anew."""


@dataclass(frozen=True)
class DynamoDBConnections(Store):
    """``ConnectionReader``, and what the operator's command writes. All raise ``StoreUnavailable``."""

    def connection(self, connection_id: str) -> Connection | None:
        item = self._get(_key(connection_id))
        return to_connection(connection_id, item) if item else None

    def connections_of(self, project_id: str) -> list[Connection]:
        """A project's connections by id."""
        listed = self._items(f"PROJECT#{project_id}", "WECOM#")
        found = (self.connection(item["sk"].removeprefix("WECOM#")) for item in listed)
        return [connection for connection in found if connection]

    def create(self, connection: Connection) -> None:
        """Store a connection and list it under its project, in one write. Raises ``ConnectionTaken``."""
        # an existing id keeps its project
        own = ("Put", from_connection(connection), when("attribute_not_exists(pk)"))
        if not self._transact(own, ("Put", _listed(connection), ALWAYS)):
            raise ConnectionTaken(connection.connection_id)

    def replace(self, connection: Connection) -> None:
        """Store all of a connection anew. Raises ``UnknownConnection``."""
        # a connection deleted meanwhile stays deleted, and one of another project is not overwritten
        same = when(
            "projectId = :project AND kind = :kind AND createdAt = :created",
            project=connection.project_id,
            kind=connection.kind,
            created=connection.created_at,
        )
        if not self._put(from_connection(connection), same).is_made:
            raise UnknownConnection(connection.connection_id)

    def delete(self, connection: Connection) -> None:
        """Delete a connection, also from lists. Repeating it is harmless. Raises ``UnknownConnection``."""
        # a connection recreated under the same id is kept
        same = when("attribute_not_exists(pk)", "createdAt = :created", created=connection.created_at)
        own = ("Delete", _key(connection.connection_id), same)
        if not self._transact(own, ("Delete", _listed(connection), ALWAYS)):
            raise UnknownConnection(connection.connection_id)


def to_connection(connection_id: str, item: dict[str, Any]) -> Connection:
    return Connection(
        connection_id=connection_id,
        project_id=item["projectId"],
        kind=ConnectionKind(item["kind"]),
        secret_arn=item["secretArn"],
        created_at=int(item["createdAt"]),
        agent_id=item.get("agentId"),
        bot_id=item.get("botId"),
        corp_id=item.get("corpId"),
        app_id=item.get("appId"),
        conversation=ConversationScope(item.get("conversation", ConversationScope.USER)),
        allowed_users=frozenset(item.get("allowedUsers", ())),
        allowed_departments=frozenset(int(number) for number in item.get("allowedDepartments", ())),
        welcome=item.get("welcome"),
        fallback=item.get("fallback"),
        api_url=item.get("apiUrl", API_URL),
        public_url=item.get("publicUrl"),
        markdown=item.get("markdown"),
        bot_name=item.get("botName"),
        chat_id=item.get("chatId"),
        language=Language(item.get("language", Language.ZH)),
        names_speaker=item.get("namesSpeaker", True),
        messages_per_minute=_number(item.get("messagesPerMinute")),
        tokens_per_day=_number(item.get("tokensPerDay")),
        enabled=item["enabled"],
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


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
        "botName": connection.bot_name,
        "chatId": connection.chat_id,
        "language": connection.language.value,
        "namesSpeaker": connection.names_speaker,
        "messagesPerMinute": connection.messages_per_minute,
        "tokensPerDay": connection.tokens_per_day,
        "enabled": connection.enabled,
    }
    return _key(connection.connection_id) | values


def _key(connection_id: str) -> dict[str, str]:
    return {"pk": f"WECOM#{connection_id}", "sk": "CONNECTION"}


def _listed(connection: Connection) -> dict[str, str]:
    return {"pk": f"PROJECT#{connection.project_id}", "sk": f"WECOM#{connection.connection_id}"}
