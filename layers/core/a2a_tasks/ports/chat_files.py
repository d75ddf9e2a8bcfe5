"""Files that people send in chats: encrypted, somewhere on the internet, and gone after five minutes."""

from dataclasses import dataclass, field
from typing import Protocol


class FileUnavailable(Exception):
    """A file could not be fetched in time, or from where it is said to be."""


class FileTooLarge(Exception):
    """A file has more bytes than are wanted."""


@dataclass(frozen=True)
class SentFile:
    """As it was fetched; ``name`` is empty where it has none."""

    content: bytes = field(repr=False)
    name: str


class FileFetcher(Protocol):
    def fetch(self, url: str, max_bytes: int, seconds: float) -> SentFile:
        """Raises ``FileUnavailable`` and ``FileTooLarge``."""
        ...
