"""Glob and grep over the files of a workspace, with RE2: patterns come from a model that reads the web. RE2
takes linear time and bounded memory for every pattern, without holding the GIL."""

import re
import time
from collections.abc import Iterable
from glob import translate
from typing import Any

import re2

from a2a_tasks.domain.tools.workspace import GREP_BYTES, GREP_COLUMNS, PATH_BYTES, PATTERN_CHARACTERS, ROOT
from a2a_tasks.ports.workspace import FileMatches, Line, Matches, Search, WorkspaceRefused

REGEX_MEMORY = 1024 * 1024
"""Bytes that RE2 may use for one pattern."""
REGEX_STEPS = 1_000
"""Instructions of a compiled pattern. With this many, a line of 1 MiB takes at most three seconds."""
ALTERNATIVES = 64
"""Patterns that one with braces may expand to."""
_BRACES = re.compile(r"\{([^{}]*)\}")
_CUT = "…"
_HINT = "It has no look-around and no backreferences; a literal ( or [ or the like needs a \\ before it."
type Regex = Any
"""A compiled pattern of RE2, which comes without types."""


def glob(paths: Iterable[str], pattern: str, folder: str) -> list[str]:
    """The ``paths`` that match; all must be below ``folder``. Raises ``WorkspaceRefused``."""
    anywhere = "" if "/" in pattern else "**/"
    if pattern.startswith(f"{ROOT}/"):
        pattern, folder = pattern.removeprefix(f"{ROOT}/"), ""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise WorkspaceRefused("The glob pattern must stay inside the workspace: no leading / and no '..'.")
    pattern = pattern.removeprefix("./")
    regex = _glob_regex([anywhere + alternative for alternative in _alternatives(pattern)])
    start = len(folder) + 1 if folder else 0
    return [path for path in paths if regex.fullmatch(path[start:])]


def _glob_regex(patterns: list[str]) -> Regex:
    translated = [translate(each, recursive=True, include_hidden=True, seps="/") for each in patterns]
    # the trailing anchor is Python's own, and fullmatch does not need it
    return _compile("|".join(each.removesuffix(r"\Z") for each in translated), "glob pattern")


def _alternatives(pattern: str) -> list[str]:
    """Expands braces, which the standard library's globs do not support."""
    if len(pattern) > PATH_BYTES:
        raise WorkspaceRefused(f"The glob pattern is longer than {PATH_BYTES} characters. Use a shorter one.")
    patterns = [pattern]
    while any(braces := [_BRACES.search(each) for each in patterns]):
        patterns = [
            each if found is None else each[: found.start()] + choice + each[found.end() :]
            for each, found in zip(patterns, braces, strict=True)
            for choice in (found[1].split(",") if found else [""])
        ]
        if len(patterns) > ALTERNATIVES:
            raise WorkspaceRefused(
                f"The braces of the glob pattern stand for more than {ALTERNATIVES} patterns. Use fewer."
            )
    return patterns


def _compile(pattern: str, what: str, hint: str = "", ignore_case: bool = False) -> Regex:
    options = re2.Options()
    options.max_mem = REGEX_MEMORY
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = not ignore_case
    try:
        regex = re2.compile(pattern.encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error, re2.error) else "invalid Unicode"
        raise WorkspaceRefused(f"The {what} is not valid: {reason}. {hint}".rstrip()) from None
    finally:
        re2.purge()  # its cache would hold the memory of many tasks' patterns
    if regex.programsize > REGEX_STEPS:
        raise WorkspaceRefused(f"The {what} is too complex. Use fewer or smaller repetitions.")
    return regex


def grep(files: Iterable[tuple[str, bytes]], search: Search, seconds: float) -> Matches:
    """Matches in the given order. Raises ``WorkspaceRefused`` for invalid patterns."""
    if len(search.pattern) > PATTERN_CHARACTERS:
        raise WorkspaceRefused(f"The pattern is longer than {PATTERN_CHARACTERS:,} characters.")
    scan = _Scan(search, seconds)
    found: list[FileMatches] = []
    binary = 0
    for path, data in files:
        if b"\0" in data:
            binary += 1
        elif matches := scan.file(path, data):
            found.append(matches)
        if scan.stopped:
            break
    return Matches(tuple(found), binary, scan.stopped)


class _Scan:
    """A running grep, with the rest of its time and of its result's size."""

    def __init__(self, search: Search, seconds: float) -> None:
        self._search = search
        self._regex = _compile(search.pattern, "pattern", _HINT, search.ignore_case)
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._room = GREP_BYTES
        self.stopped: str | None = None

    def file(self, path: str, data: bytes) -> FileMatches | None:
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        shown: list[Line] = []
        count = 0
        context_ends = next_line = 0
        for index, raw in enumerate(lines):
            # checked between lines, because RE2 takes bounded time per line
            if time.monotonic() > self._end:
                self.stopped = f"it took longer than {self._seconds:g} seconds"
                break
            line = raw.removesuffix(b"\r")
            match = self._regex.search(line)
            count += match is not None
            if match and self._search.with_lines:
                for earlier in range(max(next_line, index - self._search.before), index):
                    self._show(path, shown, earlier, lines[earlier].removesuffix(b"\r"))
                self._show(path, shown, index, line, match.start())
                next_line, context_ends = index + 1, index + 1 + self._search.after
            elif index < context_ends:
                self._show(path, shown, index, line)
                next_line = index + 1
            if self.stopped:
                break
        return FileMatches(path, count, tuple(shown)) if count else None

    def _show(self, path: str, shown: list[Line], index: int, line: bytes, at: int | None = None) -> None:
        text = _window(line, at or 0)
        self._room -= len(path.encode()) + len(text.encode()) + 12
        if self._room < 0:
            self.stopped = f"the answer is longer than {GREP_BYTES // 1024} KiB"
        else:
            shown.append(Line(index + 1, text, at is not None))


def _window(line: bytes, at: int) -> str:
    """The part of a long line around byte ``at``."""
    start = max(0, at - GREP_COLUMNS // 4) if len(line) > GREP_COLUMNS else 0
    part = line[start : start + GREP_COLUMNS]
    text = part.decode(errors="ignore")
    return f"{_CUT if start else ''}{text}{_CUT if start + len(part) < len(line) else ''}"
