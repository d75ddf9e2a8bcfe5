"""The text of Office files."""

from typing import Protocol

from a2a_tasks.domain.office_file import OfficeKind


class DocumentUnreadable(Exception):
    """A file's text cannot be had. The message completes "the file …"."""


class DocumentParser(Protocol):
    """Parses Office files, which nobody has to trust."""

    def text(self, kind: OfficeKind, content: bytes, limit: int) -> str:
        """The first ``limit`` characters of a file's text at most, with marks for headings and tables.

        Blocks. Returns or raises within bounded time and memory. Raises ``DocumentUnreadable``, and
        ``PayloadUnavailable`` if the file may be read later.
        """
        ...
