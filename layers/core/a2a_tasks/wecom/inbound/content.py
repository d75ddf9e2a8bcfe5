"""The content of a message to a bot, without WeCom's additions."""

from dataclasses import dataclass

from a2a_tasks.domain.text.blank import is_blank
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, kind_word, say
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

type ContentItem = str | BotMedia


@dataclass(frozen=True)
class MessageContent:
    """Texts and files in their order. ``quoted`` is what they are about. ``left_out`` are the kinds of what
    no agent could be shown, ``quote_left_out`` those of what was quoted."""

    items: tuple[ContentItem, ...]
    quoted: tuple[ContentItem, ...]
    left_out: tuple[str, ...] = ()
    quote_left_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What was said in words, without what was quoted."""
        return "\n".join(item for item in self.items if isinstance(item, str))

    @property
    def is_readable(self) -> bool:
        """Whether something is left of what was sent, if anything was."""
        return bool(self.items) or not self.left_out

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to ask, not even a quote."""
        return not self.items and not self.quoted

    def for_agent(self, language: Language) -> tuple[ContentItem, ...]:
        """Everything for the agent: what was quoted first, and marked as such; then what was left out."""
        quote, notes = _as_quote(self.quoted, language), self.notes(language)
        return (*quote, *self.items, *(f"[{note}]" for note in notes))

    def notes(self, language: Language) -> tuple[str, ...]:
        """A sentence for each kind that was left out."""
        own = (
            say(language, Phrase.LEFT_OUT, kind=kind_word(language, k)) for k in dict.fromkeys(self.left_out)
        )
        quoted = dict.fromkeys(self.quote_left_out)
        return (*own, *(say(language, Phrase.QUOTE_LEFT_OUT, kind=kind_word(language, k)) for k in quoted))


def content_of(message: BotMessage, bot_name: str | None) -> MessageContent:
    """In groups without mentions of the bot; texts that are blank are left out."""
    items, left_out = _items(message.content)
    if message.origin.is_group:
        # only in groups: in a direct chat users do not mention the bot, so such a text belongs to the message
        items = [strip_mention(item, bot_name) if isinstance(item, str) else item for item in items]
    quoted, quote_left_out = _items(message.quote) if message.quote else ([], [])
    return MessageContent(_filled(items), _filled(quoted), tuple(left_out), tuple(quote_left_out))


def _items(content: BotContent) -> tuple[list[ContentItem], list[str]]:
    match content:
        case BotText() | BotVoice():
            return [content.content], []
        case BotMedia():
            return ([content], []) if content.type in READABLE else ([], [content.type])
        case BotMixed():
            found = [_items(item) for item in content.items]
            return [item for items, _ in found for item in items], [kind for _, out in found for kind in out]
        case BotUnsupported():
            return [], [content.type]


def _filled(items: list[ContentItem]) -> tuple[ContentItem, ...]:
    stripped = (item.strip() if isinstance(item, str) else item for item in items)
    return tuple(item for item in stripped if not (isinstance(item, str) and is_blank(item)))


def _as_quote(quoted: tuple[ContentItem, ...], language: Language) -> tuple[ContentItem, ...]:
    lines = [line for item in quoted if isinstance(item, str) for line in item.splitlines()]
    files = [item for item in quoted if isinstance(item, BotMedia)]
    if not quoted:
        return ()
    text = "\n".join([say(language, Phrase.QUOTE), *(f"> {line}".rstrip() for line in lines)])
    return (text, *files)
