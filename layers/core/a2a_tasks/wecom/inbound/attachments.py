"""Files in messages: fetched while WeCom waits, because a bot's file addresses expire after five minutes."""

import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks import content
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, refusal_sentence, say
from a2a_tasks.wecom.ports import (
    FileFetcher,
    FileTooLarge,
    FileUnavailable,
    MediaReader,
    MediaRefused,
    SentFile,
)
from a2a_tasks.wecom.protocol.bot_messages import BotMedia
from a2a_tasks.wecom.protocol.crypto import CallbackKey
from a2a_tasks.wecom.protocol.refusal import CallbackRefused

MAX_BYTES = content.MAX_PARTS_BYTES * 3 // 4 - 64 * 1024
"""Size limit of a file: base64 makes four bytes of three, and there must be room for text."""
AT_A_TIME = 5
"""Files of a message that are fetched concurrently."""
RESERVE_SECONDS = 1.5
"""Reserve of WeCom's five seconds for everything else."""

type Part = dict[str, Any]


@dataclass(frozen=True)
class MessageParts:
    """A message as parts for the agent (tasks/content.py), in their order. ``problems`` are sentences about
    what could not be read; the agent reads them in place of the files."""

    parts: tuple[Part, ...]
    problems: tuple[str, ...]

    @property
    def has_files(self) -> bool:
        """Whether a file is left."""
        return any("raw" in part for part in self.parts)


@dataclass(frozen=True)
class BotFiles:
    """Turns the files of a message into parts for the agent."""

    fetcher: FileFetcher
    telemetry: Telemetry

    def attached(
        self,
        items: Sequence[str | BotMedia],
        key: CallbackKey,
        seconds_left: Callable[[], float],
        language: Language,
    ) -> MessageParts:
        """The items with what could be read of their files. Raises ``RequestRefused`` where they are too much
        together."""
        media = [item for item in items if isinstance(item, BotMedia)]
        # one time limit for all files, which are fetched concurrently
        seconds = max(0.1, seconds_left() - RESERVE_SECONDS)
        with ThreadPoolExecutor(AT_A_TIME) as fetching:
            found = iter(list(fetching.map(lambda one: self._part(one, key, seconds, language), media)))
        parts: list[Part] = []
        problems: list[str] = []
        for item in items:
            if isinstance(item, str):
                parts.append({"text": item})
                continue
            part = next(found)
            if isinstance(part, str):
                problems.append(part)
                part = {"text": f"[{part}]"}
            parts.append(part)
        # checked here, so that the user sees the problem instead of a failed task
        content.check(parts)
        return MessageParts(tuple(parts), tuple(dict.fromkeys(problems)))

    def _part(self, media: BotMedia, key: CallbackKey, seconds: float, language: Language) -> Part | str:
        """A file as a part, or why it cannot be one."""

        def fetch() -> SentFile:
            sent = self.fetcher.fetch(media.url, MAX_BYTES, seconds)
            return SentFile(key.decrypt_media(sent.content), sent.name)

        return _part_of(fetch, language, self.telemetry)


@dataclass(frozen=True)
class AppFiles:
    """Files sent to applications."""

    reader: MediaReader
    telemetry: Telemetry

    def part(self, connection: Connection, media_id: str, language: Language) -> Part | str:
        """A file as a part for the agent, or a sentence that says why it cannot be one."""
        return _part_of(lambda: self.reader.media(connection, media_id, MAX_BYTES), language, self.telemetry)


def _part_of(fetch: Callable[[], SentFile], language: Language, telemetry: Telemetry) -> Part | str:
    try:
        sent = fetch()
        part = {"raw": base64.b64encode(sent.content).decode()}
        part |= {"filename": sent.name} if sent.name else {}
        content.check((part,))
    except FileTooLarge:
        return say(language, Phrase.FILE_TOO_LARGE)
    except MediaRefused as refused:
        # an operator must act: a retry would be refused again
        telemetry.problem("WeCom refused to return a file", reason=str(refused))
        telemetry.count("WecomErrors")
        return say(language, Phrase.FILE_UNREADABLE)
    except (FileUnavailable, CallbackRefused) as problem:
        # the message is processed without it, because the address may expire before a retry
        telemetry.event("file in message not read", reason=str(problem))
        return say(language, Phrase.FILE_UNREADABLE)
    except RequestRefused as refused:
        return refusal_sentence(language, refused.code)
    return part
