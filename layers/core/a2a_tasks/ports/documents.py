"""The text of Office files."""

from typing import Protocol

from a2a_tasks.domain.office_file import OfficeKind


class DocumentUnreadable(Exception):
    """A file's text cannot be extracted. The message completes "the file …"."""


class DocumentParser(Protocol):
    """Parses Office files from untrusted sources."""

    def text(self, kind: OfficeKind, content: bytes, limit: int) -> str:
        """Up to ``limit`` characters of a file's text, with Markdown for headings and tables.

        Blocks. Returns or raises within bounded time and memory. Raises ``DocumentUnreadable``, and
        ``PayloadUnavailable`` if the file may be read later.
        """
        ...
