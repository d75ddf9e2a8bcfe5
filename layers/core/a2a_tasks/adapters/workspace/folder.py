"""Workspaces in a directory. A path from the model is only a key of an index in memory; files on disk are
numbered. So no path can escape the workspace, and there are neither directories nor links to follow."""

import os
import shutil
import stat
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from a2a_tasks.adapters.workspace import workspace_search, workspace_snapshot
from a2a_tasks.domain.ids import is_task_id
from a2a_tasks.domain.tools.workspace import (
    DEPTH,
    FILE_BYTES,
    FILES,
    GREP_SECONDS,
    PATH_BYTES,
    READ_BYTES,
    ROOT,
    TOTAL_BYTES,
)
from a2a_tasks.ports.workspace import Excerpt, Matches, Search, WorkspaceRefused

PRIVATE = 0o700
NUMBER_BYTES = 10
"""Upper limit of a line's number, tab and line end in an excerpt."""
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that would corrupt the lists of paths shown to the model: control characters, lone
surrogates, line and paragraph separators."""


def parse_path(text: str) -> str:
    """The path as the index has it: its parts joined by ``/``; ``""`` is the workspace itself. Raises
    ``WorkspaceRefused``."""
    if len(text) > PATH_BYTES + len(ROOT) + 1:
        raise WorkspaceRefused(f"The path is longer than {PATH_BYTES} bytes. Use a shorter one.")
    if any(unicodedata.category(character) in UNPRINTABLE for character in text):
        raise WorkspaceRefused("The path holds a control character or a line break. Use a plain name.")
    inside = text == ROOT or text.startswith(f"{ROOT}/")
    if text.startswith("/") and not inside:
        raise WorkspaceRefused(
            f"{text} is outside the workspace. Use a path relative to it, such as notes/plan.md."
        )
    parts = [part for part in text.removeprefix(ROOT if inside else "").split("/") if part not in ("", ".")]
    if ".." in parts:
        raise WorkspaceRefused(f"{text}: '..' is not allowed. Use a path relative to the workspace.")
    if len(parts) > DEPTH:
        raise WorkspaceRefused(f"The path has more than {DEPTH} parts. Use fewer folders.")
    path = "/".join(parts)
    if len(path.encode()) > PATH_BYTES:
        raise WorkspaceRefused(f"The path is longer than {PATH_BYTES} bytes. Use a shorter one.")
    return path


@dataclass(frozen=True)
class _Stored:
    number: int
    size: int


class FolderWorkspace:
    """``Workspace`` in a directory of its own, which must be new and empty."""

    def __init__(self, folder: Path, grep_seconds: float) -> None:
        self._folder = folder
        self._grep_seconds = grep_seconds
        self._index: dict[str, _Stored] = {}
        self._written = 0
        self._closed = False
        self._lock = threading.Lock()

    def read(self, path: str, offset: int, limit: int) -> Excerpt:
        with self._at_work():
            key = parse_path(path)
            return _excerpt(key, self._text(key), offset, limit)

    def write(self, path: str, content: str) -> bool:
        with self._at_work():
            return self._store(parse_path(path), _encoded(content))

    def edit(self, path: str, old: str, new: str, replace_all: bool) -> int:
        with self._at_work():
            key = parse_path(path)
            edited, replaced = _edited(key, self._text(key), old, new, replace_all)
            self._store(key, edited)
            return replaced

    def glob(self, pattern: str, path: str = "") -> list[str]:
        with self._at_work():
            folder = self._folder_key(path)
            return workspace_search.glob(self._below(folder), pattern, folder)

    def grep(self, search: Search) -> Matches:
        with self._at_work():
            key = parse_path(search.path)
            chosen = [key] if key in self._index else self._below(self._folder_key(search.path))
            if search.glob is not None:
                folder = "" if key in self._index else key
                chosen = workspace_search.glob(chosen, search.glob, folder)
            files = ((path, self._load(path)) for path in chosen)
            return workspace_search.grep(files, search, self._grep_seconds)

    def snapshot(self) -> bytes:
        with self._at_work():
            return workspace_snapshot.pack((path, self._load(path)) for path in sorted(self._index))

    def restore(self, snapshot: bytes) -> None:
        """Restore a snapshot. Raises ``WorkspaceRefused``; some files may have been restored then."""
        with self._at_work():
            for name, data in workspace_snapshot.unpack(snapshot):
                key = parse_path(name)
                if key != name or key in self._index:
                    raise WorkspaceRefused("The workspace's snapshot is damaged: a file in it is not valid.")
                self._store(key, data)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._index.clear()
                shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """One call at a time. A thread outlives the cancellation of its task, so late calls must not
        write."""
        with self._lock:
            if self._closed:
                raise WorkspaceRefused("The workspace is closed; its task has ended here.")
            try:
                yield
            except OSError as error:
                # returned to the model like any refusal, so that the task continues: it may write less, or
                # retry
                raise WorkspaceRefused(
                    f"The workspace's disk failed ({error.strerror}). Try again."
                ) from error

    def _store(self, key: str, data: bytes) -> bool:
        former = self._index.get(key)
        self._check_place(key)
        self._check_room(former, len(data))
        self._written += 1
        stored = _Stored(self._written, len(data))
        try:
            (self._folder / str(stored.number)).write_bytes(data)
        except OSError:
            (self._folder / str(stored.number)).unlink(missing_ok=True)
            raise
        # only after it is on disk: a failed write leaves the previous file
        self._index[key] = stored
        if former:
            # after the index refers to the new file: a failure in between leaves an extra file rather than a
            # missing one
            (self._folder / str(former.number)).unlink()
        return former is None

    def _check_place(self, key: str) -> None:
        if self._is_folder(key):
            raise WorkspaceRefused(f"{key or ROOT} is a folder. Name a file in it.")
        parts = key.split("/")
        for length in range(1, len(parts)):
            if (parent := "/".join(parts[:length])) in self._index:
                raise WorkspaceRefused(f"{parent} is a file, so nothing can be written below it.")

    def _check_room(self, former: _Stored | None, size: int) -> None:
        if size > FILE_BYTES:
            raise WorkspaceRefused(
                f"The file would have {size:,} bytes; the limit is {FILE_BYTES:,}. Split it into several."
            )
        if former is None and len(self._index) >= FILES:
            raise WorkspaceRefused(
                f"The workspace is full: it has {FILES} files. Replace one that is not needed any more."
            )
        total = sum(stored.size for stored in self._index.values()) - (former.size if former else 0) + size
        if total > TOTAL_BYTES:
            raise WorkspaceRefused(
                f"The workspace is full: it would hold {total:,} bytes; the limit is {TOTAL_BYTES:,}. "
                "Replace a large file that is not needed any more by a short one."
            )

    def _load(self, key: str) -> bytes:
        return (self._folder / str(self._index[key].number)).read_bytes()

    def _text(self, key: str) -> str:
        if self._is_folder(key):
            raise WorkspaceRefused(f"{key or ROOT} is a folder. Use Glob to list its files.")
        if key not in self._index:
            raise WorkspaceRefused(f"There is no file {key}. Use Glob with the pattern ** to list the files.")
        data = self._load(key)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = None
        if text is None or "\0" in text:
            raise WorkspaceRefused(f"{key} is a binary file ({len(data):,} bytes); only text can be read.")
        return text

    def _is_folder(self, key: str) -> bool:
        return not key or any(path.startswith(f"{key}/") for path in self._index)

    def _folder_key(self, path: str) -> str:
        key = parse_path(path)
        if key in self._index:
            raise WorkspaceRefused(f"{key} is a file. Name a folder.")
        if not self._is_folder(key):
            raise WorkspaceRefused(f"There is no folder {key}. Leave path out to search the whole workspace.")
        return key

    def _below(self, folder: str) -> list[str]:
        return sorted(path for path in self._index if not folder or path.startswith(f"{folder}/"))


def _encoded(content: str) -> bytes:
    if "\0" in content:
        raise WorkspaceRefused("The text holds a NUL character, and only text files are kept. Leave it out.")
    try:
        return content.encode()
    except UnicodeEncodeError:
        raise WorkspaceRefused("The text holds half of a surrogate pair. Write valid Unicode.") from None


def _excerpt(key: str, text: str, offset: int, limit: int) -> Excerpt:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if offset > max(len(lines), 1):
        raise WorkspaceRefused(
            f"{key} has {len(lines):,} lines, so offset can be {max(len(lines), 1):,} at most."
        )
    shown: list[str] = []
    room = READ_BYTES
    for line in lines[offset - 1 : offset - 1 + limit]:
        plain = line.removesuffix("\r").encode()
        if len(plain) + NUMBER_BYTES > room:
            if shown:
                break
            return Excerpt(
                (plain[: room - NUMBER_BYTES].decode(errors="ignore"),), offset, len(lines), broken=True
            )
        shown.append(plain.decode())
        room -= len(plain) + NUMBER_BYTES
    return Excerpt(tuple(shown), offset, len(lines))


def _edited(key: str, text: str, old: str, new: str, replace_all: bool) -> tuple[bytes, int]:
    """The new content, and how many occurrences were replaced."""
    if not old:
        raise WorkspaceRefused("old_string is empty. Name the text to replace, or use Write.")
    if old == new:
        raise WorkspaceRefused("old_string and new_string are the same, so there is nothing to change.")
    count = text.count(old)
    if count == 0:
        crlf = " The file's lines end with \\r\\n." if "\r\n" in text else ""
        raise WorkspaceRefused(
            f"old_string does not occur in {key}. Read the file and copy the text exactly, without the line "
            f"numbers.{crlf}"
        )
    if count > 1 and not replace_all:
        raise WorkspaceRefused(
            f"old_string occurs {count:,} times in {key}. Include more of the text around it to make it "
            "unique, or set replace_all."
        )
    before, after = len(_encoded(old)), len(_encoded(new))
    size = len(text.encode()) + count * (after - before)
    # checked before the replacement, which could make terabytes of a short file
    if size > FILE_BYTES:
        raise WorkspaceRefused(f"The file would have {size:,} bytes; the limit is {FILE_BYTES:,}.")
    return _encoded(text.replace(old, new)), count


class FolderWorkspaces:
    """``Workspaces`` below ``root``, whose parent must exist, in a directory named after the process, because
    local workers share a machine. Grep is limited to ``grep_seconds``."""

    def __init__(self, root: Path, grep_seconds: float = GREP_SECONDS) -> None:
        self._root = root
        self._own = root / str(os.getpid())
        self._grep_seconds = grep_seconds
        self._lock = threading.Lock()
        self._opened: WeakValueDictionary[str, FolderWorkspace] = WeakValueDictionary()

    def open(self, task_id: str, snapshot: bytes | None) -> FolderWorkspace:
        if not is_task_id(task_id):
            raise ValueError(f"not a task's id: {task_id!r}")
        with self._lock:
            if former := self._opened.get(task_id):
                # the same task again in this process: a thread of the lost claim may still use it
                former.close()
            workspace = FolderWorkspace(self._fresh(self._own / task_id), self._grep_seconds)
            self._opened[task_id] = workspace
        if snapshot is not None:
            try:
                workspace.restore(snapshot)
            except BaseException:
                # on any error: a partly restored workspace must not be used
                workspace.close()
                raise
        return workspace

    def wipe_all(self) -> None:
        if self._root.is_symlink():
            self._root.unlink()
        if self._root.exists():
            for left in self._root.iterdir():
                # including its own: directories of an earlier process with the same id are obsolete
                if left == self._own or not _is_process(left.name):
                    _remove(left)

    def _fresh(self, folder: Path) -> Path:
        for parent in (self._root, self._own):
            parent.mkdir(mode=PRIVATE, exist_ok=True)
            status = parent.lstat()  # another local user may have created it first
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                raise PermissionError(f"{parent} is not this user's own folder")
            parent.chmod(PRIVATE)
        _remove(folder)
        folder.mkdir(mode=PRIVATE)
        return folder


def _is_process(name: str) -> bool:
    """Whether a process with this id is running."""
    try:
        os.kill(int(name), 0)
    except PermissionError:
        return True
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
