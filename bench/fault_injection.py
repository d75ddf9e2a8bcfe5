"""Injects faults into a stack under load: processes die, and its connections to AWS break."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.deployed import Deployed
from local.faults.client import Faults, Kind

EVERY_SECONDS = 15
BROKEN_SECONDS = 1.0
BROKEN_SHARE = 0.5


@dataclass
class FaultInjection:
    """Every 15 seconds a worker is killed. With ``is_all``, with a chance of one in three each, a process of
    the API is killed too, or half of the traffic on the functions' connections to AWS breaks for a second.

    ``workers_killed_at`` has the times in seconds since the epoch.
    """

    deployed: Deployed
    dice: random.Random
    is_all: bool
    workers_killed_at: list[float] = field(default_factory=list)
    api_processes_killed: int = 0
    connections_cut: int = 0

    @contextmanager
    def running(self, times: int) -> Iterator[None]:
        """For the length of the block and longer, until it has happened this many times."""
        enough = threading.Event()
        thread = threading.Thread(target=self._wreak, args=(times, enough))
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()

    def _wreak(self, times: int, enough: threading.Event) -> None:
        while times > 0 or not enough.is_set():
            time.sleep(EVERY_SECONDS)
            self._once()
            times -= 1

    def _once(self) -> None:
        if self._kill("worker"):
            self.workers_killed_at.append(time.time())
        match self.dice.randrange(3) if self.is_all else None:
            case 0:
                self.api_processes_killed += self._kill("api")
            case 1:
                self._cut()
                self.connections_cut += 1

    def _kill(self, function: str) -> bool:
        with contextlib.suppress(IndexError, ProcessLookupError):
            os.kill(self.dice.choice(sorted(self.deployed.processes(function))), signal.SIGKILL)
            return True
        return False

    def _cut(self) -> None:
        faults = Faults(self.deployed.stack.faults_url)
        faults.set(BROKEN_SHARE, (Kind.RESET, Kind.LOST))
        time.sleep(BROKEN_SECONDS)
        faults.clear()
