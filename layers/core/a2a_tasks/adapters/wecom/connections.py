"""WeCom connections in the registry. The functions read; the operator's command writes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from a2a_tasks.adapters.dynamodb.store import ALWAYS, Item, Store
from a2a_tasks.adapters.dynamodb.update import when
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConversationScope
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


def to_connection(connection_id: str, item: Item) -> Connection:
    values = {field: load(item[name]) for field, (name, load) in _STORED.items() if name in item}
    return Connection(connection_id=connection_id, **values)


def from_connection(connection: Connection) -> Item:
    """Its item; what is not set, or empty, is left out."""
    values = {name: getattr(connection, field) for field, (name, _) in _STORED.items()}
    return _key(connection.connection_id) | {
        name: None if value == frozenset() else value for name, value in values.items()
    }


def _integers(values: Iterable[Decimal]) -> frozenset[int]:
    return frozenset(int(value) for value in values)


_STORED: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "project_id": ("projectId", str),
    "kind": ("kind", ConnectionKind),
    "secret_arn": ("secretArn", str),
    "created_at": ("createdAt", int),
    "agent_id": ("agentId", str),
    "bot_id": ("botId", str),
    "corp_id": ("corpId", str),
    "app_id": ("appId", str),
    "conversation": ("conversation", ConversationScope),
    "allowed_users": ("allowedUsers", frozenset),
    "allowed_departments": ("allowedDepartments", _integers),
    "welcome": ("welcome", str),
    "fallback": ("fallback", str),
    "api_url": ("apiUrl", str),
    "public_url": ("publicUrl", str),
    "markdown": ("markdown", bool),
    "bot_name": ("botName", str),
    "chat_id": ("chatId", str),
    "language": ("language", Language),
    "names_speaker": ("namesSpeaker", bool),
    "messages_per_minute": ("messagesPerMinute", int),
    "tokens_per_day": ("tokensPerDay", int),
    "enabled": ("enabled", bool),
}
"""The attribute of each field, and what makes the field's value of it."""


def _key(connection_id: str) -> dict[str, str]:
    return {"pk": f"WECOM#{connection_id}", "sk": "CONNECTION"}


def _listed(connection: Connection) -> dict[str, str]:
    return {"pk": f"PROJECT#{connection.project_id}", "sk": f"WECOM#{connection.connection_id}"}
