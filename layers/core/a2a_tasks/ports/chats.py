"""Chats: which of their conversations is the present one."""

from typing import Protocol


class ChatStore(Protocol):
    """A chat is one person's, or a group's, on one connection. All methods raise ``StoreUnavailable``."""

    def generation(self, connection_id: str, chat_key: str) -> int:
        """The number of its present conversation, from 0."""
        ...

    def begin(self, connection_id: str, chat_key: str, message_key: str) -> int:
        """Begin a new conversation; the same message again begins no other. Its number."""
        ...
