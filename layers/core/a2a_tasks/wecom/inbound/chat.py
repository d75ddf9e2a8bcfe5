"""Who talks with whom: the chat that a message belongs to, and its conversations."""

import hashlib

from a2a_tasks.wecom.connection import Connection, Conversation
from a2a_tasks.wecom.users import canonical


def chat_key(connection: Connection, user_id: str, chat_id: str | None) -> str:
    """What names a chat: a hash, since ids may be of any kind, and in keys they are nobody's business.

    What somebody says alone with the bot stays there: in a group, they have another chat.
    """
    person = canonical(user_id)
    parts: tuple[str, ...]
    if chat_id is None:
        parts = ("person", person)
    elif connection.conversation is Conversation.GROUP:
        parts = ("group", chat_id)
    else:
        parts = ("group", chat_id, person)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def context_id(connection: Connection, key: str, generation: int) -> str:
    """The name of a chat's conversation."""
    return f"wecom-{connection.connection_id}-{key}-{generation}"
