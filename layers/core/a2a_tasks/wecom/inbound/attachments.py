"""Files that people send: fetched at once, since their addresses are good for five minutes, and decrypted."""

import base64
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from a2a_tasks.tasks import content
from a2a_tasks.wecom.ports import FileFetcher, FileUnavailable, SentFile
from a2a_tasks.wecom.protocol.bot_messages import BotMedia
from a2a_tasks.wecom.protocol.crypto import CallbackKey
from a2a_tasks.wecom.protocol.refusal import CallbackRefused

MAX_BYTES = content.MAX_PARTS_BYTES * 3 // 4 - 64 * 1024
"""Of a file: base64 makes four bytes of three, and there is text beside it."""
AT_A_TIME = 5
RESERVE_SECONDS = 1.5
"""What is left of WeCom's five seconds for everything else."""


@dataclass(frozen=True)
class Files:
    """Turns the files of a message into parts for the agent."""

    fetcher: FileFetcher

    def parts(
        self, items: Sequence[str | BotMedia], key: CallbackKey, seconds_left: Callable[[], float]
    ) -> tuple[dict[str, Any], ...]:
        """The items as parts of a message (tasks/content.py), in their order.

        Raises ``FileUnavailable``, ``FileTooLarge``, and ``RequestRefused`` for what no agent can read.
        """
        media = [item for item in items if isinstance(item, BotMedia)]
        seconds = max(0.1, seconds_left() - RESERVE_SECONDS)
        with ThreadPoolExecutor(AT_A_TIME) as fetching:
            fetched = fetching.map(lambda one: self.fetcher.fetch(one.url, MAX_BYTES, seconds), media)
            files = iter([_opened(key, file) for file in fetched])
        parts = tuple(_parts(items, files))
        content.check(parts)
        return parts


def _opened(key: CallbackKey, file: SentFile) -> SentFile:
    try:
        return SentFile(key.decrypt_media(file.content), file.name)
    except CallbackRefused as refused:
        raise FileUnavailable(f"a file cannot be decrypted: {refused}") from None


def _parts(items: Sequence[str | BotMedia], files: Iterator[SentFile]) -> Iterator[dict[str, Any]]:
    for item in items:
        if isinstance(item, str):
            yield {"text": item}
        else:
            yield _file_part(next(files))


def _file_part(file: SentFile) -> dict[str, Any]:
    raw = {"raw": base64.b64encode(file.content).decode()}
    return raw | ({"filename": file.name} if file.name else {})
