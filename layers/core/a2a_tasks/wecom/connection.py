"""Connections: how an agent is reached from WeCom, or writes there."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

API_URL = "https://qyapi.weixin.qq.com"


class Kind(StrEnum):
    BOT = "bot"  # an AI bot (智能机器人), in groups and with one person
    APP = "app"  # a self-built application (自建应用), with one person
    GROUP = "group"  # a group's robot (群机器人), which only writes


class Conversation(StrEnum):
    """Who shares a conversation in a group. With one person it is theirs, either way."""

    USER = "user"  # everybody has their own
    GROUP = "group"  # all of a group have one


@dataclass(frozen=True)
class Connection:
    """One bot, application or group robot of a project.

    ``agent_id`` is the project's agent that answers; None for a group, which nobody asks. ``corp_id`` and
    ``app_id`` (WeCom's AgentID, digits) belong to applications, ``bot_id`` to bots. With neither
    ``allowed_users`` nor ``allowed_departments`` everybody may write who can. ``fallback`` is the connection
    that gets what comes too late for this one. ``api_url`` is WeCom's API, without ``/cgi-bin``;
    ``public_url`` where WeCom reaches ours, None for the stack's own address. ``created_at`` is in Unix
    milliseconds.
    """

    connection_id: str
    project_id: str
    kind: Kind
    secret_arn: str
    created_at: int
    agent_id: str | None = None
    bot_id: str | None = None
    corp_id: str | None = None
    app_id: str | None = None
    conversation: Conversation = Conversation.USER
    allowed_users: frozenset[str] = frozenset()
    allowed_departments: frozenset[int] = frozenset()
    welcome: str | None = None
    fallback: str | None = None
    api_url: str = API_URL
    public_url: str | None = None
    enabled: bool = True


@dataclass(frozen=True)
class ConnectionSecrets:
    """What nobody may see. After a rotation the previous token and key are good until they are retired."""

    token: str | None = field(default=None, repr=False)
    aes_key: str | None = field(default=None, repr=False)
    previous_token: str | None = field(default=None, repr=False)
    previous_aes_key: str | None = field(default=None, repr=False)
    corp_secret: str | None = field(default=None, repr=False)
    webhook_key: str | None = field(default=None, repr=False)

    @classmethod
    def from_named(cls, named: Any) -> Self:
        """From what ``to_named`` gives. Raises ``ValueError``, which never repeats it, for anything else."""
        if not isinstance(named, dict):
            raise ValueError("the secrets of a connection must be a JSON object")
        values = {name: named.get(key) or None for name, key in _KEYS.items()}
        if not all(value is None or isinstance(value, str) for value in values.values()):
            raise ValueError("the secrets of a connection must be texts")
        return cls(**values)

    def to_named(self) -> dict[str, str]:
        """As Secrets Manager keeps them, in JSON: what there is, by its name in camelCase."""
        return {key: value for name, key in _KEYS.items() if (value := getattr(self, name)) is not None}


_KEYS = {
    "token": "token",
    "aes_key": "aesKey",
    "previous_token": "previousToken",
    "previous_aes_key": "previousAesKey",
    "corp_secret": "corpSecret",
    "webhook_key": "webhookKey",
}


def callback_path(connection_id: str) -> str:
    """Where WeCom brings what is written to a connection, below the API's address."""
    return f"/wecom/{connection_id}/callback"
