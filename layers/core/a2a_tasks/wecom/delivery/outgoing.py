"""Splits an answer into messages: parts within WeCom's limits, or a file if there would be too many."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, clock_time, say
from a2a_tasks.wecom.ports import UploadKind
from a2a_tasks.wecom.protocol.bot_replies import IMAGE_SIGNATURES
from a2a_tasks.wecom.protocol.cards import Card
from a2a_tasks.wecom.protocol.links import broken, unlinked
from a2a_tasks.wecom.protocol.text import fit, split, split_markdown, to_plain
from a2a_tasks.wecom.result_texts import ResultText

APP_BYTES = 2_048
"""Limit of a text or Markdown message of an application. WeCom silently truncates longer ones."""
GROUP_TEXT_BYTES = 2_048
GROUP_BYTES = 4_096
MOST_FILES = 5
"""Further files are sent as links."""
UPLOAD_BYTES = range(6, 8 * 1024 * 1024)
"""Sizes of result files that are uploaded: WeCom accepts no smaller ones, and ten deliveries run
concurrently."""
MOST_PARTS = 5
"""Answers that need more messages are sent as a file."""
FILE_BYTES = 20 * 1024 * 1024
DUPLICATE_SECONDS = 14_400
"""Period in which WeCom drops repeated messages, the longest that it supports."""
MARK_LENGTH = 4
"""Long enough to distinguish equal answers to one user within ``DUPLICATE_SECONDS``."""


@dataclass(frozen=True)
class TextPart:
    """One message of text, or of Markdown if the receiver supports it."""

    content: str = field(repr=False)


@dataclass(frozen=True)
class FilePart:
    """A file that is uploaded, and then sent by its id."""

    name: str
    content: bytes = field(repr=False)

    @property
    def kind(self) -> UploadKind:
        """Decided by the content, not by the name, as WeCom does."""
        return UploadKind.IMAGE if self.content.startswith(IMAGE_SIGNATURES) else UploadKind.FILE


@dataclass(frozen=True)
class StoredFilePart:
    """A file of the result, read just before it is sent. ``load`` returns None if it no longer exists: then
    ``gone`` is sent instead, or ``link`` if WeCom rejects the file."""

    name: str
    load: Callable[[], bytes | None] = field(repr=False)
    gone: str
    link: str = field(repr=False)

    def loaded(self) -> FilePart | TextPart:
        """The file, or the text that replaces it. Raises ``PayloadUnavailable``."""
        content = self.load()
        return TextPart(self.gone) if content is None else FilePart(self.name, content)


@dataclass(frozen=True)
class CardPart:
    """A card with buttons."""

    card: Card


type OutgoingPart = TextPart | FilePart | StoredFilePart | CardPart


def parts_for_app(
    connection: Connection,
    result: ResultText,
    task_id: str,
    asked_at: int,
    mark: str,
    language: Language,
    card: Card | None = None,
) -> list[OutgoingPart]:
    """``mark`` distinguishes this answer from an equal one to the same user, which WeCom would drop;
    ``asked_at`` (Unix milliseconds) shows the user which question it answers."""
    text = result.text
    as_shown = text if connection.markdown else broken(to_plain(text))
    footer = f"\n\n{say(language, Phrase.ANSWERS, at=clock_time(asked_at), mark=mark)}"
    room = APP_BYTES - len(footer.encode())
    found = _parts(_texts(as_shown, room, is_markdown=bool(connection.markdown)), text, task_id, language)
    files, linked = _uploads(result, room, language, is_markdown=bool(connection.markdown))
    found += files
    found += _links(linked, room, language, is_markdown=bool(connection.markdown))
    if card is not None:
        found.append(CardPart(card))
    return [TextPart(part.content + footer) if isinstance(part, TextPart) else part for part in found]


def parts_for_group(
    connection: Connection, headline: str, result: ResultText, task_id: str, language: Language
) -> list[OutgoingPart]:
    """An answer as messages of a group robot, below a ``headline`` that names the user."""
    is_markdown = connection.markdown is not False
    limit = GROUP_BYTES if is_markdown else GROUP_TEXT_BYTES
    shown = f"**{headline}**\n\n{result.text}"
    if not is_markdown:
        shown = broken(to_plain(shown))
    texts = _texts(shown, limit, is_markdown=is_markdown)
    links = _links(result, limit, language, is_markdown=is_markdown)
    return _parts(texts, result.text, task_id, language, headline) + links


def app_message(
    connection: Connection, user_id: str, part: OutgoingPart, media_id: str | None
) -> dict[str, Any]:
    """Body of ``message/send`` for a part. WeCom drops repetitions, so a retry after a lost response is not
    shown twice."""
    kind = "markdown" if connection.markdown else "text"
    return {
        "touser": user_id,
        "agentid": int(connection.app_id or 0),
        **_body(kind, part, media_id),
        # equal answers to different questions differ by their mark (parts_for_app)
        "enable_duplicate_check": 1,
        "duplicate_check_interval": DUPLICATE_SECONDS,
    }


def group_message(connection: Connection, part: OutgoingPart, media_id: str | None) -> dict[str, Any]:
    """Body of ``webhook/send`` for a part."""
    return _body("text" if connection.markdown is False else "markdown_v2", part, media_id)


def mark_of(*names: str) -> str:
    """A few characters that distinguish an answer from others."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:MARK_LENGTH]


def _texts(shown: str, limit: int, *, is_markdown: bool) -> list[str]:
    """The messages that bring it as text; none where they would be too many, or where one would hold a link
    because its code began in another."""
    # decided before the text is split, because an answer may have megabytes
    if len(shown.encode()) > limit * MOST_PARTS:
        return []
    texts = split_markdown(shown, limit) if is_markdown else split(shown, limit)
    if len(texts) > MOST_PARTS or (is_markdown and any(unlinked(text) != text for text in texts)):
        return []
    return texts


def _parts(
    texts: list[str], original: str, task_id: str, language: Language, headline: str = ""
) -> list[OutgoingPart]:
    if texts:
        return [TextPart(text) for text in texts]
    first = f"{headline}\n\n{say(language, Phrase.IN_FILE)}" if headline else say(language, Phrase.IN_FILE)
    return [TextPart(first), FilePart(f"{task_id}.md", original.encode()[:FILE_BYTES])]


def _uploads(
    result: ResultText, limit: int, language: Language, *, is_markdown: bool
) -> tuple[list[OutgoingPart], ResultText]:
    """The files that are sent as such, and the result with links to the rest."""
    uploads: list[OutgoingPart] = []
    links: list[str] = []
    for link, file in zip_longest(result.links, result.files):
        # decided by the record, so that the number of parts is the same in every attempt
        if file is None or file.size_bytes not in UPLOAD_BYTES or len(uploads) == MOST_FILES:
            links.append(link)
        else:
            gone = say(language, Phrase.FILE_GONE, name=file.name)
            shown = _shown_link(link, limit, language, is_markdown=is_markdown)
            uploads.append(StoredFilePart(file.name, file.load, gone, shown))
    return uploads, replace(result, links=tuple(links), files=())


def _links(result: ResultText, limit: int, language: Language, *, is_markdown: bool) -> list[OutgoingPart]:
    """A message for each: how long a link is differs from one time to the next, and how many messages there
    are must not."""
    found: list[OutgoingPart] = []
    for line in result.links:
        shown = _shown_link(line, limit, language, is_markdown=is_markdown)
        headed = f"{result.heading}\n{shown}"
        found.append(TextPart(headed if len(headed.encode()) <= limit else shown))
    return found


def _shown_link(line: str, limit: int, language: Language, *, is_markdown: bool) -> str:
    shown = line if is_markdown else to_plain(line)
    if len(shown.encode()) <= limit:
        return shown
    # a truncated link would not work
    name = fit(shown.partition("](")[0].partition(" (")[0].replace("[", ""), limit // 2)
    return f"{name} {say(language, Phrase.LINK_TOO_LONG)}"


def _body(kind: str, part: OutgoingPart, media_id: str | None) -> dict[str, Any]:
    if isinstance(part, FilePart):
        return {"msgtype": part.kind.value, part.kind.value: {"media_id": media_id}}
    if isinstance(part, TextPart):
        return {"msgtype": kind, kind: {"content": part.content}}
    if isinstance(part, CardPart):
        return {"msgtype": "template_card", "template_card": part.card.to_json()}
    raise TypeError("a stored file is loaded before it is sent")
