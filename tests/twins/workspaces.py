"""Workspaces on disk, each process in a folder of its own, and the calls made on them."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from a2a_tasks.adapters.workspace.folder import FolderWorkspaces
from a2a_tasks.ports.workspace import Workspace
from tests.twins.faults.failpoints import Failpoints

ROOT = Path(tempfile.mkdtemp(prefix="a2a-tasks-workspaces-"))
atexit.register(shutil.rmtree, ROOT, ignore_errors=True)


@dataclass
class DiskWorkspaces:
    """Makes the ``Workspaces`` of processes. ``calls`` are ``(task id, method, path)`` of all that took
    effect or may have."""

    calls: list[tuple[str, str, str]] = field(default_factory=list)
    processes: int = 0

    def of_process(self, failpoints: Failpoints) -> "ProcessWorkspaces":
        self.processes += 1
        return ProcessWorkspaces(self, FolderWorkspaces(ROOT / f"process-{self.processes}"), failpoints)


@dataclass(frozen=True)
class ProcessWorkspaces:
    """``Workspaces`` with failpoints, which are named ``workspace``."""

    all: DiskWorkspaces
    folders: FolderWorkspaces
    failpoints: Failpoints

    def open(self, task_id: str, snapshot: bytes | None) -> Workspace:
        opened = self.folders.open(task_id, snapshot)
        return self.failpoints.wrap("workspace", _Observed(task_id, opened, self.all.calls))

    def wipe_all(self) -> None:
        self.folders.wipe_all()


class _Observed:
    def __init__(self, task_id: str, workspace: Workspace, calls: list[tuple[str, str, str]]) -> None:
        self._task_id = task_id
        self._calls = calls
        self.read, self.glob, self.grep = workspace.read, workspace.glob, workspace.grep
        self.snapshot, self.close = workspace.snapshot, workspace.close
        self._workspace = workspace

    def write(self, path: str, content: str) -> bool:
        self._calls.append((self._task_id, "write", path))
        return self._workspace.write(path, content)

    def edit(self, path: str, old: str, new: str, replace_all: bool) -> int:
        self._calls.append((self._task_id, "edit", path))
        return self._workspace.edit(path, old, new, replace_all)
