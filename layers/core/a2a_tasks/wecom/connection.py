"""Connections: how an agent is reached from WeCom, or writes there."""

import string
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from a2a_tasks.wecom.language import Language

API_URL = "https://qyapi.weixin.qq.com"
KEY_RANDOM_BYTES = 96
"""Random bytes for a token and a key. Their 75 characters need 56 bytes; the additional bytes make the
distribution uniform."""
_LETTERS = string.ascii_letters + string.digits
_TOKEN_LENGTH, _AES_KEY_LENGTH = 32, 43


class ConnectionKind(StrEnum):
    """Kind of a connection in WeCom."""

    BOT = "bot"  # an AI bot (智能机器人), in groups and in direct chats
    APP = "app"  # a self-built application (自建应用), in direct chats only
    GROUP = "group"  # a group robot (群机器人), which only sends


class ConversationScope(StrEnum):
    """Who shares a conversation in a group. A direct chat always has its own."""

    USER = "user"  # one per member
    GROUP = "group"  # one for the whole group


@dataclass(frozen=True)
class Connection:
    """One bot, application or group robot of a project."""

    connection_id: str
    project_id: str
    kind: ConnectionKind
    secret_arn: str
    created_at: int
    """In Unix milliseconds."""
    agent_id: str | None = None
    """The project's agent that answers; None for a group robot, which receives no messages."""
    bot_id: str | None = None
    """A bot's id. It may be unknown, because a bot's token and key already identify it."""
    bot_name: str | None = None
    """What people in a group write after the @ when they mention the bot."""
    corp_id: str | None = None
    """An application's."""
    app_id: str | None = None
    """An application's AgentID in WeCom, digits."""
    chat_id: str | None = None
    """Id of the group that a group robot sends to, as WeCom reports it to bots. As a fallback the robot only
    gets answers to questions asked in this group."""
    conversation: ConversationScope = ConversationScope.USER
    allowed_users: frozenset[str] = frozenset()
    """Without users and departments everyone who can reach the connection may write."""
    allowed_departments: frozenset[int] = frozenset()
    messages_per_minute: int | None = None
    """Limit of each person; None for the deployment's."""
    tokens_per_day: int | None = None
    """Limit of each person and UTC day; None for none."""
    names_speaker: bool = True
    """Whether the agent sees who wrote in direct chats. In groups it always does."""
    language: Language = Language.ZH
    """Language of replies, unless the user chooses another."""
    welcome: str | None = None
    fallback: str | None = None
    """The connection that delivers answers that are too late for this one."""
    api_url: str = API_URL
    """WeCom's API, without ``/cgi-bin``."""
    public_url: str | None = None
    """Base URL under which WeCom reaches this deployment; None for the stack's own address."""
    markdown: bool | None = None
    """Whether an application or a group robot sends Markdown. None means no for an application, whose
    messages may be read in personal WeChat, and yes for a group robot."""
    enabled: bool = True


@dataclass(frozen=True)
class ConnectionSecrets:
    """Secrets of a connection. After a rotation the previous token and key stay valid until they are
    retired."""

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

    def rotated(self, token: str, aes_key: str) -> Self:
        """With a new token and key; those that were current are the previous ones."""
        return replace(
            self, token=token, aes_key=aes_key, previous_token=self.token, previous_aes_key=self.aes_key
        )

    def retired(self) -> Self:
        """Without the previous token and key."""
        return replace(self, previous_token=None, previous_aes_key=None)

    def to_named(self) -> dict[str, str]:
        """As stored in Secrets Manager: a JSON object with the values that are set, under camelCase names."""
        return {key: value for name, key in _KEYS.items() if (value := getattr(self, name)) is not None}


_KEYS = {
    "token": "token",
    "aes_key": "aesKey",
    "previous_token": "previousToken",
    "previous_aes_key": "previousAesKey",
    "corp_secret": "corpSecret",
    "webhook_key": "webhookKey",
}


def new_keys(random: bytes) -> tuple[str, str]:
    """A token and an AES key from ``KEY_RANDOM_BYTES`` random bytes, of letters and digits as WeCom
    requires."""
    number = int.from_bytes(random)
    letters = []
    for _ in range(_TOKEN_LENGTH + _AES_KEY_LENGTH):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(letters[:_TOKEN_LENGTH]), "".join(letters[_TOKEN_LENGTH:])


def callback_path(connection_id: str) -> str:
    """Path of a connection's callback, below the API's address."""
    return f"/wecom/{connection_id}/callback"
