"""The large twins behave like the small ones, for all operations in any order."""

from random import Random

import pytest

from a2a_tasks.domain.task import TaskRef
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery
from tests.load.simulator.kernel import Kernel
from tests.load.simulator.queue import BigQueue
from tests.load.simulator.stores import Index
from tests.twins.clock import FakeClock
from tests.twins.queue import MemoryQueue

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_large_queue_is_a_queue(seed: int) -> None:
    random, clock = Random(seed), FakeClock()  # noqa: S311
    small = MemoryQueue(clock, 30, 3, MemoryQueue(clock))
    large = BigQueue(clock, 30, 3, BigQueue(clock))
    taken: list[tuple[Delivery, Delivery]] = []
    for number in range(300):
        match random.randrange(5):
            case 0:
                delay = random.choice([0, 0, 5])
                small.put(TaskRef("writer", str(number)), "", delay)
                large.put(TaskRef("writer", str(number)), "", delay)
            case 1:
                clock.advance(random.choice([0.5, 7, 31]))
            case 2:
                # all of them, since the order differs
                theirs = {each.message_id: each for each in small.receive(1_000)}
                ours = {each.message_id: each for each in large.receive(1_000)}
                assert ours == theirs
                taken += [(ours[name], theirs[name]) for name in sorted(ours)]
            case 3 if taken:
                our, their = taken[random.randrange(len(taken))]
                assert _invisible(large, our) == _invisible(small, their)
            case 4 if taken:
                our, their = taken.pop(random.randrange(len(taken)))
                large.delete(our)
                small.delete(their)
        assert len(large) == len(small.messages)
        assert small.dead is not None
        assert isinstance(large.dead, BigQueue)
        assert len(large.dead) == len(small.dead.messages)


def _invisible(queue: MemoryQueue, delivery: Delivery) -> bool:
    try:
        queue.change_visibility([delivery], 12)
    except QueueUnavailable:
        return False
    return True


def test_a_project_with_many_in_flight_lets_others_go_first() -> None:
    queue = BigQueue(FakeClock(), group_of=lambda ref: ref.agent_id)
    for number in range(100):
        queue.put(TaskRef("noisy", f"noisy-{number}"))
    for _ in range(4):
        queue.receive(10)
    queue.put(TaskRef("quiet", "quiet-1"))

    first, second = queue.receive(2)

    assert first.ref == TaskRef("quiet", "quiet-1")
    assert second.ref is not None
    assert second.ref.agent_id == "noisy"


def test_an_index_lags() -> None:
    kernel = Kernel()
    index = Index(kernel.clock)
    ref = TaskRef("writer", "one")
    index.put(ref, kernel.clock.now())
    assert not index.until(kernel.clock.now(), 10)
    kernel.run_until(1)
    index.put(ref, None)
    assert len(index.until(kernel.clock.now(), 10)) == 1
    kernel.run_until(2)
    assert not index.until(kernel.clock.now(), 10)
    kernel.close()
