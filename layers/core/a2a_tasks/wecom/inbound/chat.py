"""The chat that a message belongs to, and its conversations."""

import hashlib
from dataclasses import dataclass

from a2a_tasks.wecom.connection import Connection, ConversationScope
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import ChatStore
from a2a_tasks.wecom.users import canonical


@dataclass(frozen=True)
class Chat:
    """A direct chat with a user, or a group."""

    connection: Connection
    user_id: str
    chat_id: str | None
    """The group; None in a direct chat."""
    generation: int
    """Number of the chat's current conversation, from 0."""
    language: Language
    """Language of replies in the chat."""

    @property
    def key(self) -> str:
        """Key of the chat in the store."""
        return chat_key(self.connection, self.user_id, self.chat_id)

    @property
    def context_id(self) -> str:
        """The name of its current conversation."""
        return context_id(self.connection, self.key, self.generation)


def chat_of(chats: ChatStore, connection: Connection, user_id: str, chat_id: str | None) -> Chat:
    """The chat as it is now. Raises ``StoreUnavailable``."""
    state = chats.state(connection.connection_id, chat_key(connection, user_id, chat_id))
    return Chat(connection, user_id, chat_id, state.generation, state.language or connection.language)


def chat_key(connection: Connection, user_id: str, chat_id: str | None) -> str:
    """Key of a chat: a hash, because ids may have any form, and should not be readable in keys.

    A user's direct chat and the same user in a group are different chats, so that private messages stay
    private.
    """
    person = canonical(user_id)
    parts: tuple[str, ...]
    if chat_id is None:
        parts = ("person", person)
    elif connection.conversation is ConversationScope.GROUP:
        parts = ("group", chat_id)
    else:
        parts = ("group", chat_id, person)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def context_id(connection: Connection, key: str, generation: int) -> str:
    """The name of a chat's conversation."""
    return f"wecom-{connection.connection_id}-{key}-{generation}"
