"""The files of one task, which its agent reads and writes with tools."""

from dataclasses import dataclass
from typing import Protocol


class WorkspaceRefused(Exception):
    """The workspace cannot do this. The message is written for the model: what is wrong and how to fix it."""


@dataclass(frozen=True)
class Excerpt:
    """Lines of a text file, without line ends."""

    lines: tuple[str, ...]
    first: int
    """Number of the first line, from 1."""
    total: int
    """Lines in the whole file."""
    broken: bool = False
    """The last line is itself truncated."""


@dataclass(frozen=True)
class Search:
    """Arguments of ``Workspace.grep``."""

    pattern: str
    """Regular expression in RE2 syntax."""
    path: str = ""
    """Directory or file to search."""
    glob: str | None = None
    """Only files that match this."""
    ignore_case: bool = False
    with_lines: bool = False
    """False if only counts are wanted."""
    before: int = 0
    """Lines of context before a match."""
    after: int = 0
    """Lines of context after a match."""


@dataclass(frozen=True)
class Line:
    """A matching line, or a line of context."""

    number: int
    """From 1."""
    text: str
    matches: bool


@dataclass(frozen=True)
class FileMatches:
    """A file with at least one match."""

    path: str
    count: int
    """Number of matching lines."""
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Matches:
    """Result of a search, sorted by path."""

    files: tuple[FileMatches, ...]
    binary: int = 0
    """Number of binary files, which are skipped."""
    stopped: str | None = None
    """Why the search ended early, if it did."""


class Workspace(Protocol):
    """A task's files. Paths are relative and use ``/``, or absolute below ``/workspace``.

    All methods may block for seconds, are thread-safe, and raise ``WorkspaceRefused``; after ``close``
    they always do.
    """

    def read(self, path: str, offset: int, limit: int) -> Excerpt:
        """Up to ``limit`` lines, from line ``offset`` (counted from 1)."""
        ...

    def write(self, path: str, content: str) -> bool:
        """Create or replace a file atomically. True if it is new."""
        ...

    def edit(self, path: str, old: str, new: str, replace_all: bool) -> int:
        """Replace text in a file atomically. Returns the number of replacements."""
        ...

    def glob(self, pattern: str, path: str = "") -> list[str]:
        """Paths of matching files, sorted."""
        ...

    def grep(self, search: Search) -> Matches:
        """Search file contents."""
        ...

    def snapshot(self) -> bytes:
        """All files as a ``.tar.gz``. Deterministic: equal files give equal bytes."""
        ...

    def close(self) -> None:
        """Remove all files, after waiting for a call in progress. Never raises."""
        ...


class Workspaces(Protocol):
    """Opens workspaces on this machine."""

    def open(self, task_id: str, snapshot: bytes | None) -> Workspace:
        """Restore a task's workspace from a snapshot (None: empty). One that is still open for the same task
        is closed first, so that late calls of an earlier run cannot mix with this one.

        Raises:
            WorkspaceRefused: The snapshot cannot be restored; nothing of it is left.
            OSError: No directory can be created.
        """
        ...

    def wipe_all(self) -> None:
        """Remove what an earlier process left. Call it once, before the first ``open``."""
        ...
