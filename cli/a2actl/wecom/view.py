"""WeCom connections as text and as JSON, never with a secret."""

from typing import Any

from a2a_tasks.domain.task import iso8601
from a2a_tasks.wecom.connection import (
    API_URL,
    Connection,
    ConnectionKind,
    ConnectionSecrets,
    ConversationScope,
    callback_path,
)
from a2a_tasks.wecom.language import Language


def callback_url(connection: Connection, api_url: str) -> str | None:
    """Where WeCom brings messages; None for a group. ``api_url`` is the stack's own address."""
    if connection.kind is ConnectionKind.GROUP:
        return None
    base = connection.public_url or api_url
    return base.rstrip("/") + callback_path(connection.connection_id)


def document_of(connection: Connection) -> dict[str, Any]:
    """What an operator would write for this connection; what is as by default is left out."""
    values = {
        "id": connection.connection_id,
        "kind": connection.kind.value,
        "projectId": connection.project_id,
        "agentId": connection.agent_id,
        "botId": connection.bot_id,
        "corpId": connection.corp_id,
        "appId": connection.app_id,
        "conversation": None
        if connection.conversation is ConversationScope.USER
        else connection.conversation.value,
        "allowedUsers": sorted(connection.allowed_users) or None,
        "allowedDepartments": sorted(connection.allowed_departments) or None,
        "welcome": connection.welcome,
        "fallback": connection.fallback,
        "apiUrl": None if connection.api_url == API_URL else connection.api_url,
        "publicUrl": connection.public_url,
        "markdown": connection.markdown,
        "botName": connection.bot_name,
        "chatId": connection.chat_id,
        "language": None if connection.language is Language.ZH else connection.language.value,
        "namesSpeaker": None if connection.names_speaker else False,
        "messagesPerMinute": connection.messages_per_minute,
        "tokensPerDay": connection.tokens_per_day,
        "enabled": None if connection.enabled else False,
    }
    return {name: value for name, value in values.items() if value is not None}


def state(connection: Connection) -> str:
    return "enabled" if connection.enabled else "disabled"


def to_json(connection: Connection, url: str | None) -> dict[str, Any]:
    """The fields of its definition, ``createdAt`` and ``callbackUrl``?."""
    shown = document_of(connection) | {
        "conversation": connection.conversation.value,
        "apiUrl": connection.api_url,
        "language": connection.language.value,
        "enabled": connection.enabled,
        "createdAt": iso8601(connection.created_at),
    }
    return shown if url is None else shown | {"callbackUrl": url}


def fields(
    connection: Connection, url: str | None, secrets: ConnectionSecrets | None
) -> list[tuple[str, str]]:
    """What there is to say, by name."""
    people = sorted(connection.allowed_users)
    departments = [f"department {number}" for number in sorted(connection.allowed_departments)]
    application = (
        f"{connection.corp_id} / {connection.app_id}" if connection.kind is ConnectionKind.APP else None
    )
    values = [
        ("Connection", connection.connection_id),
        ("Kind", connection.kind.value),
        ("Project", connection.project_id),
        ("Agent", connection.agent_id),
        ("State", state(connection)),
        ("Callback URL", url),
        ("Bot", connection.bot_id),
        ("Mentioned as", f"@{connection.bot_name}" if connection.bot_name else None),
        ("Group", connection.chat_id),
        ("Language", connection.language.value),
        ("Speaker", _names_speaker(connection)),
        ("User limits", _limits(connection)),
        ("Corp / application", application),
        (
            "Conversation",
            f"per {connection.conversation}" if connection.kind is ConnectionKind.BOT else None,
        ),
        ("May write", ", ".join([*people, *departments]) or ("everybody" if url else None)),
        ("Welcome", connection.welcome),
        ("Fallback", connection.fallback),
        ("Writes", _written(connection)),
        ("WeCom's API", connection.api_url),
        ("Secrets", secrets_held(connection, secrets)),
        ("Created", iso8601(connection.created_at)),
    ]
    return [(name, value) for name, value in values if value is not None]


def secrets_held(connection: Connection, secrets: ConnectionSecrets | None) -> str:
    """Which secrets there are, and which are missing."""
    held = secrets or ConnectionSecrets()
    if connection.kind is ConnectionKind.GROUP:
        return "webhook key " + _is_there(held.webhook_key)
    words = ["Token and EncodingAESKey " + _is_there(held.token and held.aes_key)]
    if held.previous_token:
        words.append("the previous ones still valid")
    if connection.kind is ConnectionKind.APP:
        words.append("Secret " + _is_there(held.corp_secret))
    return ", ".join(words)


def _written(connection: Connection) -> str | None:
    if connection.kind is ConnectionKind.BOT:
        return None
    is_markdown = (
        connection.kind is ConnectionKind.GROUP if connection.markdown is None else connection.markdown
    )
    return "Markdown" if is_markdown else "plain text"


def _names_speaker(connection: Connection) -> str | None:
    if connection.kind is ConnectionKind.GROUP:
        return None
    return "named to the agent" if connection.names_speaker else "named to the agent in groups"


def _limits(connection: Connection) -> str | None:
    named = (
        (connection.messages_per_minute, "messages per minute"),
        (connection.tokens_per_day, "tokens per day"),
    )
    return ", ".join(f"{number:,} {what}" for number, what in named if number is not None) or None


def _is_there(secret: str | None) -> str:
    return "set" if secret else "missing"
