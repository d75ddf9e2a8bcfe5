"""What somebody has said to a bot, without what WeCom has put around it."""

from dataclasses import dataclass

from a2a_tasks.domain.text.blank import is_blank
from a2a_tasks.wecom.language import Language, language_of
from a2a_tasks.wecom.phrases import Phrase, say
from a2a_tasks.wecom.protocol.bot_messages import (
    BotContent,
    BotMedia,
    BotMessage,
    BotMixed,
    BotText,
    BotUnsupported,
    BotVoice,
)
from a2a_tasks.wecom.protocol.text import strip_mention

READABLE = frozenset({"image", "file"})


@dataclass(frozen=True)
class MessageContent:
    """Texts and files in their order. ``quoted`` is what they are about; ``is_readable``: nothing is of a
    kind that no agent could be shown."""

    items: tuple[str | BotMedia, ...]
    quoted: tuple[str | BotMedia, ...]
    is_readable: bool

    @property
    def text(self) -> str:
        """What was said in words, without what was quoted."""
        return "\n".join(item for item in self.items if isinstance(item, str))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to ask, not even a quote."""
        return not self.items and not self.quoted

    @property
    def language(self) -> Language:
        """The language that somebody writes in."""
        return language_of(self.text)

    def for_agent(self) -> tuple[str | BotMedia, ...]:
        """Everything for the agent: what was quoted first, and marked as such."""
        return (*_as_quote(self.quoted, self.language), *self.items)


def said_in(message: BotMessage) -> MessageContent:
    """Mentions are stripped in groups; texts that are blank then are left out."""
    items, is_readable = _items(message.content)
    if message.origin.is_group and items and isinstance(items[0], str):
        items = [strip_mention(items[0]), *items[1:]]
    quoted, quote_is_readable = _items(message.quote) if message.quote else ([], True)
    return MessageContent(_filled(items), _filled(quoted), is_readable and quote_is_readable)


def _items(content: BotContent) -> tuple[list[str | BotMedia], bool]:
    match content:
        case BotText() | BotVoice():
            return [content.content], True
        case BotMedia():
            return ([content], True) if content.type in READABLE else ([], False)
        case BotMixed():
            found = [_items(item) for item in content.items]
            return [item for items, _ in found for item in items], all(readable for _, readable in found)
        case BotUnsupported():
            return [], False


def _filled(items: list[str | BotMedia]) -> tuple[str | BotMedia, ...]:
    stripped = (item.strip() if isinstance(item, str) else item for item in items)
    return tuple(item for item in stripped if not (isinstance(item, str) and is_blank(item)))


def _as_quote(quoted: tuple[str | BotMedia, ...], language: Language) -> tuple[str | BotMedia, ...]:
    lines = [line for item in quoted if isinstance(item, str) for line in item.splitlines()]
    files = [item for item in quoted if isinstance(item, BotMedia)]
    if not quoted:
        return ()
    text = "\n".join([say(language, Phrase.QUOTE), *(f"> {line}".rstrip() for line in lines)])
    return (text, *files)
