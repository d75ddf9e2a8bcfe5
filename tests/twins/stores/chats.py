"""Chats in memory."""

from dataclasses import dataclass, field, replace

from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import ChatState


@dataclass
class MemoryChats:
    """``ChatStore``."""

    states: dict[tuple[str, str], ChatState] = field(default_factory=dict)
    begun_by: dict[tuple[str, str], str] = field(default_factory=dict)

    def state(self, connection_id: str, chat_key: str) -> ChatState:
        return self.states.get((connection_id, chat_key), ChatState())

    def begin(self, connection_id: str, chat_key: str, message_key: str) -> int:
        chat = connection_id, chat_key
        state = self.state(*chat)
        if self.begun_by.get(chat) != message_key:
            self.begun_by[chat] = message_key
            state = replace(state, generation=state.generation + 1)
            self.states[chat] = state
        return state.generation

    def choose_language(self, connection_id: str, chat_key: str, language: Language) -> None:
        self.states[connection_id, chat_key] = replace(self.state(connection_id, chat_key), language=language)
