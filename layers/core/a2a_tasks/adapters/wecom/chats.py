"""Chats in the tasks' table: one item each."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import ChatState


@dataclass(frozen=True)
class DynamoDBChats(Store):
    """``ChatStore``. There is an item only of a chat in which somebody began anew, or chose a language."""

    def state(self, connection_id: str, chat_key: str) -> ChatState:
        item = self._get(_key(connection_id, chat_key)) or {}
        language = Language(item["language"]) if "language" in item else None
        return ChatState(_generation(item), language)

    def begin(self, connection_id: str, chat_key: str, message_key: str) -> int:
        """Protects the conversation that the same message has begun already."""
        update = ItemUpdate().set(begunBy=message_key).add(generation=1)
        # if refused, it returns the current item, with the generation that the message began
        update = update.when("attribute_not_exists(begunBy)", "begunBy <> :begunBy")
        return _generation(self._update(_key(connection_id, chat_key), update, "ALL_NEW").item)

    def choose_language(self, connection_id: str, chat_key: str, language: Language) -> None:
        """Needs no condition: the last choice counts."""
        self._update(_key(connection_id, chat_key), ItemUpdate().set(language=language.value))


def _generation(item: Item) -> int:
    return int(item.get("generation", 0))


def _key(connection_id: str, chat_key: str) -> Item:
    return {"pk": f"CHAT#{connection_id}#{chat_key}", "sk": "CHAT"}
