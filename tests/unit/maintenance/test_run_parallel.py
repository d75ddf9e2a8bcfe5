"""Steps at once: in threads and one after the other; what hangs or fails."""

import threading
from collections.abc import Sequence

import pytest

from a2a_tasks.adapters.threads import Threads
from a2a_tasks.ports.blocking import RunParallel, WorkStep, run_in_order
from tests.twins.deployment import plenty

THREADS = 4


@pytest.fixture(params=["in turn", "threads"])
def run_parallel(request: pytest.FixtureRequest) -> RunParallel:
    return run_in_order if request.param == "in turn" else Threads(THREADS)


def chain(name: str, length: int, done: list[str]) -> WorkStep:
    """Steps of which each follows from the last."""

    def step(number: int = 0) -> Sequence[WorkStep]:
        done.append(f"{name}{number}")
        return [] if number + 1 == length else [lambda: step(number + 1)]

    return step


def test_every_step_and_all_that_follows_is_taken_once(run_parallel: RunParallel) -> None:
    done: list[str] = []
    run_parallel([chain(name, 50, done) for name in "abcdefgh"], plenty)
    assert sorted(done) == sorted(f"{name}{n}" for name in "abcdefgh" for n in range(50))


def test_nothing_is_nothing(run_parallel: RunParallel) -> None:
    run_parallel([], plenty)


def test_it_can_be_used_again(run_parallel: RunParallel) -> None:
    done: list[str] = []
    for name in "ab":
        run_parallel([chain(name, 3, done)], plenty)
    assert sorted(done) == ["a0", "a1", "a2", "b0", "b1", "b2"]


def test_chains_have_their_turns() -> None:
    done: list[str] = []
    run_in_order([chain(name, 3, done) for name in "ab"], plenty)
    assert done == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_what_no_step_may_raise_is_not_swallowed(run_parallel: RunParallel) -> None:
    def broken() -> Sequence[WorkStep]:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        run_parallel([broken], plenty)


def test_steps_are_taken_at_the_same_time() -> None:
    together = threading.Barrier(THREADS)

    def meet() -> Sequence[WorkStep]:
        together.wait(10)
        return []

    Threads(THREADS)([meet] * THREADS, plenty)
    assert not together.broken


class Hanging:
    """A call of AWS that comes to no end by itself."""

    def __init__(self) -> None:
        self.ends = threading.Event()

    def __call__(self) -> Sequence[WorkStep]:
        self.ends.wait()
        return []


def test_what_hangs_stops_nobody_and_is_left_behind() -> None:
    hanging, done = Hanging(), list[str]()
    time_is_up = threading.Event()

    def last() -> Sequence[WorkStep]:
        time_is_up.set()
        return []

    threads = Threads(2, grace_seconds=0)
    threads([hanging, chain("a", 20, done), last], lambda: not time_is_up.is_set())
    assert len(done) == 20
    threads([chain("b", 2, done)], plenty)
    assert done[20:] == ["b0", "b1"], "the next call has all its threads"
    hanging.ends.set()


def test_when_time_is_up_what_waits_is_not_begun() -> None:
    hanging, done = Hanging(), list[str]()
    threads = Threads(1, grace_seconds=0)
    threads([hanging, chain("a", 1, done)], lambda: False)
    hanging.ends.set()
    threads([chain("b", 1, done)], plenty)
    assert done == ["b0"]
