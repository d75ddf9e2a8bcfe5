"""Chats in memory."""

from dataclasses import dataclass, field


@dataclass
class MemoryChats:
    """``ChatStore``."""

    generations: dict[tuple[str, str], int] = field(default_factory=dict)
    begun_by: dict[tuple[str, str], str] = field(default_factory=dict)

    def generation(self, connection_id: str, chat_key: str) -> int:
        return self.generations.get((connection_id, chat_key), 0)

    def begin(self, connection_id: str, chat_key: str, message_key: str) -> int:
        chat = connection_id, chat_key
        if self.begun_by.get(chat) != message_key:
            self.begun_by[chat] = message_key
            self.generations[chat] = self.generation(*chat) + 1
        return self.generations[chat]
