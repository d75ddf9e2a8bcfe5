"""A program that runs in the background and outlives the command that started it."""

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 20.0
POLL_SECONDS = 0.1


class NotHealthyError(RuntimeError):
    """A program did not become healthy. The message ends with the last lines of its log."""


@dataclass
class BackgroundProcess:
    """A program with its log and process id in `folder`, and an address that answers 200 when it is up.

    `mark` is a word of its command line, which distinguishes it from another program to which the system has
    given the same process id.
    """

    name: str
    command: Sequence[str]
    mark: str
    folder: Path
    health_url: str
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def log_path(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid_path(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def pid(self) -> int | None:
        """The id of the running process; None if it is not running."""
        try:
            pid = int(self.pid_path.read_text())
            os.kill(pid, 0)
        except (FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
            return None
        return pid if self.mark in _command_line(pid) else None

    def start(self, environment: Mapping[str, str], *, timeout_seconds: float = 60.0) -> bool:
        """Start the program unless it is running, and wait until it is healthy. True if it was started.

        Raises NotHealthyError if it exits, or does not become healthy in time.
        """
        if self.runs():
            return False
        self.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own, so that Ctrl-C in the terminal does not reach it.
                start_new_session=True,
            )
        self.pid_path.write_text(str(self._child.pid))
        limit = time.monotonic() + timeout_seconds
        while not self.is_healthy():
            if (status := self._child.poll()) is not None:
                raise NotHealthyError(self._explain(f"ended at once with status {status}"))
            if time.monotonic() > limit:
                self.stop()
                raise NotHealthyError(self._explain(f"did not answer within {timeout_seconds:.0f} seconds"))
            time.sleep(POLL_SECONDS)
        return True

    def stop(self) -> bool:
        """Stop the program, which saves its state, and everything it started. True if it was running."""
        return self._end(_end_group)

    def kill(self) -> bool:
        """Kill the program and everything it started: nothing is saved. True if it was running."""
        return self._end(_kill_group)

    def _end(self, end: Callable[[int], None]) -> bool:
        pid = self.pid()
        if pid is not None:
            end(pid)
        if self._child is not None:
            self._child.wait()
            self._child = None
        self.pid_path.unlink(missing_ok=True)
        return pid is not None

    def runs(self) -> bool:
        """Whether the program is running and answers."""
        return self.pid() is not None and self.is_healthy()

    def is_healthy(self) -> bool:
        try:
            with _direct.open(self.health_url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def log_tail(self, lines: int = 30) -> str:
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    def _explain(self, what: str) -> str:
        return f"{self.name} {what}. The end of {self.log_path}:\n{self.log_tail()}"


# A proxy set in the environment must not be used for this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _command_line(pid: int) -> str:
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    listed = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout


def _end_group(pid: int) -> None:
    """Ask the process to exit, so that it saves its state; then kill the rest of its group."""
    os.kill(pid, signal.SIGTERM)
    limit = time.monotonic() + STOP_SECONDS
    while _runs(pid) and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)
    _kill_group(pid)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has exited but has not been waited for still has its id, and no command line.
    return bool(_command_line(pid).strip())
