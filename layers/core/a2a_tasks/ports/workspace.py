"""The files of one task, which its agent reads and writes by tools."""

from dataclasses import dataclass
from typing import Protocol


class WorkspaceRefused(Exception):
    """The workspace does not do this. The text is written for the model: what is wrong and what to do."""


@dataclass(frozen=True)
class Excerpt:
    """Lines of a text file, without their ends. ``first`` is the number of the first one, from 1; ``total``
    is how many the file has; with ``broken`` the last line is itself cut."""

    lines: tuple[str, ...]
    first: int
    total: int
    broken: bool = False


@dataclass(frozen=True)
class Search:
    """What to look for: a regular expression in RE2 syntax, in the files below ``path`` (or in that file)
    that match ``glob``. ``before`` and ``after`` are lines of context; without ``with_lines`` only counts are
    wanted."""

    pattern: str
    path: str = ""
    glob: str | None = None
    ignore_case: bool = False
    with_lines: bool = False
    before: int = 0
    after: int = 0


@dataclass(frozen=True)
class Line:
    """A line that was found, or one beside it. ``number`` counts from 1."""

    number: int
    text: str
    matches: bool


@dataclass(frozen=True)
class FileMatches:
    """A file with at least one match. ``count`` is of matching lines."""

    path: str
    count: int
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Matches:
    """Sorted by path. ``binary`` files were not searched; ``stopped`` says why the rest was not, if so."""

    files: tuple[FileMatches, ...]
    binary: int = 0
    stopped: str | None = None


class Workspace(Protocol):
    """Paths are relative with ``/`` between their parts, or absolute below ``/workspace``. All methods may
    block for some seconds, may be called from several threads, and raise ``WorkspaceRefused``; after
    ``close`` they do so always."""

    def read(self, path: str, offset: int, limit: int) -> Excerpt:
        """At most ``limit`` lines from line ``offset`` on, which counts from 1."""
        ...

    def write(self, path: str, content: str) -> bool:
        """Create or replace a file; whether it is a new one. All of it is written, or nothing."""
        ...

    def edit(self, path: str, old: str, new: str, replace_all: bool) -> int:
        """Replace text in a file; how many occurrences. All of them, or nothing."""
        ...

    def glob(self, pattern: str, path: str = "") -> list[str]:
        """Paths of files, sorted."""
        ...

    def grep(self, search: Search) -> Matches: ...

    def snapshot(self) -> bytes:
        """All files as a ``.tar.gz``; the same files give the same bytes."""
        ...

    def close(self) -> None:
        """Remove all files. Waits for the call at work, if there is one. Never raises."""
        ...


class Workspaces(Protocol):
    def open(self, task_id: str, snapshot: bytes | None) -> Workspace:
        """The task's workspace with the snapshot's files and no others. One that is still open for the same
        task is closed: its late calls are refused rather than mixed in.

        Raises ``WorkspaceRefused`` if the snapshot cannot be restored (then nothing is left of it), and
        ``OSError`` if no folder can be made.
        """
        ...

    def wipe_all(self) -> None:
        """Remove what an earlier process left; to be called once, before the first ``open``."""
        ...
