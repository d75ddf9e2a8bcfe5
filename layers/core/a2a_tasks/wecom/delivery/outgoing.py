"""An answer as the messages that bring it: parts that WeCom takes whole, or a file if there would be many."""

from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, say
from a2a_tasks.wecom.protocol.links import broken, unlinked
from a2a_tasks.wecom.protocol.text import split, to_plain

APP_BYTES = 2_048
"""Of a text or Markdown by an application. A longer text is cut by WeCom, and nobody is told."""
GROUP_TEXT_BYTES = 2_048
GROUP_BYTES = 4_096
MOST_PARTS = 5
"""Longer answers come as a file: nobody reads so many messages."""
FILE_BYTES = 20 * 1024 * 1024
DUPLICATE_SECONDS = 14_400
"""For so long WeCom drops a message that is the same as another: the longest that it offers."""
REFERENCE_LENGTH = 12


@dataclass(frozen=True)
class TextPart:
    """One message of text, or of Markdown where the receiver shows it."""

    content: str = field(repr=False)


@dataclass(frozen=True)
class FilePart:
    """A file that is uploaded, and then sent by its id."""

    name: str
    content: bytes = field(repr=False)


type OutgoingPart = TextPart | FilePart


def parts_for_app(
    connection: Connection, text: str, files: str, task_id: str, mark: str, language: Language
) -> list[OutgoingPart]:
    """``mark`` tells this answer from an equal one to the same person, which WeCom would drop."""
    as_shown = text if connection.markdown else broken(to_plain(text))
    footer = f"\n\n#{mark}"
    texts = _texts(as_shown, APP_BYTES - len(footer.encode()), has_links=bool(connection.markdown))
    found = _parts(texts, text, task_id, language)
    found += _links(files if connection.markdown else to_plain(files), APP_BYTES - len(footer.encode()))
    return [TextPart(part.content + footer) if isinstance(part, TextPart) else part for part in found]


def parts_for_group(
    connection: Connection, headline: str, text: str, files: str, task_id: str, language: Language
) -> list[OutgoingPart]:
    """An answer as messages of a group's robot, below a ``headline`` that says whose it is."""
    is_plain = connection.markdown is False
    limit = GROUP_TEXT_BYTES if is_plain else GROUP_BYTES
    shown = f"**{headline}**\n\n{text}"
    if is_plain:
        shown, files = broken(to_plain(shown)), to_plain(files)
    texts = _texts(shown, limit, has_links=not is_plain)
    return _parts(texts, text, task_id, language, headline) + _links(files, limit)


def app_message(
    connection: Connection, user_id: str, part: OutgoingPart, media_id: str | None
) -> dict[str, Any]:
    """A part as ``message/send`` takes it. WeCom drops a repetition, so that one whose answer was lost is not
    read twice."""
    kind = "markdown" if connection.markdown else "text"
    return {
        "touser": user_id,
        "agentid": int(connection.app_id or 0),
        **_body(kind, part, media_id),
        "enable_duplicate_check": 1,
        "duplicate_check_interval": DUPLICATE_SECONDS,
    }


def group_message(connection: Connection, part: OutgoingPart, media_id: str | None) -> dict[str, Any]:
    """A part as ``webhook/send`` takes it."""
    return _body("text" if connection.markdown is False else "markdown_v2", part, media_id)


def mark_of(task_id: str, exchange_id: str = "") -> str:
    """What people see of a task's id, and of which of its answers it is."""
    return task_id.replace("-", "")[-REFERENCE_LENGTH:] + (f".{exchange_id}" if exchange_id else "")


def _texts(shown: str, limit: int, *, has_links: bool) -> list[str]:
    """The messages that bring it as text; none where they would be too many, or where one would hold a link
    because its code began in another."""
    if len(shown.encode()) > limit * MOST_PARTS:
        return []
    texts = split(shown, limit)
    if len(texts) > MOST_PARTS or (has_links and any(unlinked(text) != text for text in texts)):
        return []
    return texts


def _parts(
    texts: list[str], original: str, task_id: str, language: Language, headline: str = ""
) -> list[OutgoingPart]:
    if texts:
        return [TextPart(text) for text in texts]
    first = f"{headline}\n\n{say(language, Phrase.IN_FILE)}" if headline else say(language, Phrase.IN_FILE)
    return [TextPart(first), FilePart(f"{task_id}.md", original.encode()[:FILE_BYTES])]


def _links(files: str, limit: int) -> list[OutgoingPart]:
    """A part of their own: they are new each time, and what comes before them must not change."""
    if not files:
        return []
    lines, kept = files.splitlines(), ""
    for line in lines:
        longer = f"{kept}\n{line}" if kept else line
        if len(longer.encode()) > limit:
            break  # a link that is cut leads nowhere
        kept = longer
    return [TextPart(kept)] if kept else []


def _body(kind: str, part: OutgoingPart, media_id: str | None) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"msgtype": kind, kind: {"content": part.content}}
    return {"msgtype": "file", "file": {"media_id": media_id}}
