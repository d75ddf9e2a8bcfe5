"""``DocumentParser`` in processes of their own, one at a time."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

from a2a_tasks.adapters.office import NO_MEMORY
from a2a_tasks.domain.office_file import OfficeKind
from a2a_tasks.ports.documents import DocumentUnreadable
from a2a_tasks.ports.errors import PayloadUnavailable

SECONDS = 60.0
"""Longer than the process may compute (``CPU_SECONDS``): it shares a part of a processor with all tasks."""
MB = 1024 * 1024
MOST_BYTES = 768 * MB
ENOUGH_BYTES = 400 * MB
"""Of address space. Reading a file of 3.7 MB takes 100 to 400 MB."""
LEAST_BYTES = 128 * MB
RESERVED_BYTES = 64 * MB
"""For what the worker's tasks need more meanwhile."""
NO_ROOM = "The worker has too little memory left to read a file."
_PROGRAM = "a2a_tasks.adapters.office"


class ProcessParser:
    """One at a time, so that many tasks with large files take no more memory than one; the others wait.
    ``left`` gives the bytes that the function has left, all of whose processes end if it uses more.

    Raises ``PayloadUnavailable`` too, if too little is left now.
    """

    def __init__(self, left: Callable[[], int] = lambda: 2 * MOST_BYTES, seconds: float = SECONDS) -> None:
        self._left = left
        self._seconds = seconds
        self._turn = threading.Lock()

    def text(self, kind: OfficeKind, content: bytes, limit: int) -> str:
        # inside the lock: free memory is read when it is this file's turn
        with self._turn:
            memory_bytes = min(MOST_BYTES, self._left() - RESERVED_BYTES)
            if memory_bytes < LEAST_BYTES:
                raise PayloadUnavailable(NO_ROOM)
            try:
                done = subprocess.run(  # noqa: S603  our own program; the file is its input
                    [sys.executable, "-m", _PROGRAM, kind.value, str(limit), str(memory_bytes)],
                    input=content,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    # nothing else of the environment, so that a compromised parser finds no credentials
                    env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                    timeout=self._seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise DocumentUnreadable("takes too long to read") from None
        # if memory was short, the task waits and retries; otherwise the file is at fault
        if done.returncode == NO_MEMORY and memory_bytes < ENOUGH_BYTES:
            raise PayloadUnavailable(NO_ROOM)
        if done.returncode < 0:  # ended by a signal: the CPU limit, or a crash of the parser
            raise DocumentUnreadable("takes too long to read, or is damaged")
        if done.returncode:
            raise DocumentUnreadable("is damaged, has a password or takes too much memory to read")
        return done.stdout.decode()
