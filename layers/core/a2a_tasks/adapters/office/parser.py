"""``DocumentParser`` in processes of their own, one at a time."""

import os
import subprocess
import sys
import threading

from a2a_tasks.domain.office_file import OfficeKind
from a2a_tasks.ports.documents import DocumentUnreadable

SECONDS = 30.0
"""Longer than the process may compute (``CPU_SECONDS``): this machine may have other things to do."""
_PROGRAM = "a2a_tasks.adapters.office"


class ProcessParser:
    """One at a time, so that ten tasks with large files take no more memory than one; the others wait."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._turn = threading.Lock()

    def text(self, kind: OfficeKind, content: bytes, limit: int) -> str:
        with self._turn:
            try:
                done = subprocess.run(  # noqa: S603  our own program; the file is its input
                    [sys.executable, "-m", _PROGRAM, kind.value, str(limit)],
                    input=content,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                    timeout=self._seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise DocumentUnreadable("takes too long to read") from None
        if done.returncode < 0:  # by a signal: that of the limit of computing, or a parser that crashed
            raise DocumentUnreadable("takes too long to read, or is damaged")
        if done.returncode:
            raise DocumentUnreadable("is damaged, has a password or takes too much memory to read")
        return done.stdout.decode()
