"""Processes that take turns: one call of a port at a time, in an order chosen by a test."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tests.twins.faults.failpoints import Crash, Failpoints, Fault


@dataclass
class Turns(Failpoints):
    """The failpoints of a process that is suspended before each of its calls until it is its turn.

    ``points`` are the ports that count; calls of others happen within the turn.
    """

    points: frozenset[str] = frozenset({"slots", "store", "queue", "workers"})
    wait_for_turn: Callable[[], None] = field(default=lambda: None)

    def fault_of(self, point: str) -> Fault | None:
        if point.partition(".")[0] in self.points:
            self.wait_for_turn()
        return super().fault_of(point)


class Process:
    """``work`` in a thread of its own that runs only in ``step``. A ``Crash`` ends it without an error."""

    def __init__(self, turns: Turns, work: Callable[[], object]) -> None:
        self.turns = turns
        self.is_over = False
        self._work = work
        self._error: BaseException | None = None
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        turns.wait_for_turn = self.pause
        self._thread.start()

    def pause(self) -> None:
        """Called by the work: suspend until the next step."""
        self._stopped.release()
        self._go.acquire()

    def step(self) -> None:
        """Continue to the next call of a port, or to the end. Raises what the work raised."""
        self._go.release()
        self._stopped.acquire()
        if self.is_over:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._work()
        except Crash:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self.is_over = True
            self._stopped.release()


type Choose = Callable[[int, bool], int]
"""Which of this many processes (0 … n-1) is next; if the flag is set, 0 is the one that was running."""


def run_together(processes: Iterable[Process], choose: Choose) -> None:
    """Run all to their ends, one step at a time."""
    waiting = list(processes)
    for process in waiting:
        process.step()  # up to its first call, the first point at which schedules differ
    waiting = [process for process in waiting if not process.is_over]
    goes_on = False
    while waiting:
        process = waiting.pop(choose(len(waiting), goes_on))
        process.step()
        goes_on = not process.is_over
        if goes_on:
            waiting.insert(0, process)


def every_schedule(switches: int) -> Iterator[Choose]:
    """Yields one ``Choose`` after another, until every order has been tried with at most this many switches
    to another process before one has ended. Each is for one deterministic run."""
    prefix: list[int] = []
    while True:
        taken: list[tuple[int, int]] = []
        yield _Schedule(prefix, switches, taken).choose
        while taken and taken[-1][0] + 1 == taken[-1][1]:
            taken.pop()
        if not taken:
            return
        prefix = [pick for pick, _ in taken[:-1]] + [taken[-1][0] + 1]


@dataclass
class _Schedule:
    """Follows ``prefix`` and then never switches. ``taken`` are the choices, each with the number of
    options."""

    prefix: list[int]
    switches: int
    taken: list[tuple[int, int]]

    def choose(self, count: int, goes_on: bool) -> int:
        if goes_on and self.switches == 0:
            count = 1
        pick = self.prefix[len(self.taken)] if len(self.taken) < len(self.prefix) else 0
        self.switches -= goes_on and pick > 0
        self.taken.append((pick, count))
        return pick
