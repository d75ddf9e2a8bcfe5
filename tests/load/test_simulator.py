"""The simulator itself: time and randomness, queues, throttling, processes that die."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import pytest

from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.blocking import WorkStep
from a2a_tasks.ports.errors import StoreUnavailable
from tests.load.simulator.cloud import PARTITION_WRITES, Cloud, Disturbance
from tests.load.simulator.functions import RECEIVE_SECONDS, EventSource, Failed, Function, Handler, Schedule
from tests.load.simulator.kernel import Kernel, Lock
from tests.load.simulator.queue import BigQueue
from tests.load.simulator.report import Report
from tests.load.simulator.sandbox import Sandbox
from tests.load.simulator.settings import FunctionSettings, Settings, SourceSettings
from tests.load.simulator.simulation import Simulation
from tests.twins.clock import Stuck
from tests.twins.stores.records import MemorySpend

SETTINGS = FunctionSettings(memory_mb=1_769, timeout_seconds=60, reserved=None)


@dataclass
class Lab:
    """A kernel with a cloud, for tests to add to."""

    kernel: Kernel
    cloud: Cloud
    sandboxes: list[Sandbox] = field(default_factory=list)

    def sandbox(self, memory_mb: int = 1_769) -> Sandbox:
        self.sandboxes.append(Sandbox(self.kernel, self.cloud, memory_mb))
        return self.sandboxes[-1]

    def function(
        self, handle: Callable[[Any], Awaitable[Any]], settings: FunctionSettings = SETTINGS
    ) -> Function:
        def start(_: Sandbox) -> Handler:
            return lambda event, __: handle(event)

        return Function("any", settings, start, self.sandbox, self.kernel, Random(3), 0)  # noqa: S311


@pytest.fixture
def lab() -> Iterator[Lab]:
    kernel = Kernel()
    lab = Lab(kernel, Cloud(kernel, Random(7)))  # noqa: S311
    yield lab
    for sandbox in lab.sandboxes:
        sandbox.stop_calls()
    kernel.close()


def simulated(seed: int) -> Report:
    sim = Simulation(seed)
    sim.agent(max_concurrent_tasks=10)
    sim.arrivals(2, 20, lambda: sim.submit("writer", 3, timeout_ms=60_000))
    sim.run_until_done(120)
    sim.run(120)
    report = sim.report()
    sim.close()
    return report


def test_equal_seeds_give_equal_runs_and_others_others() -> None:
    assert simulated(1) == simulated(1)
    assert simulated(1) != simulated(2)


def test_the_mean_wait_of_a_queue_is_that_of_theory(lab: Lab) -> None:
    """M/D/1: the Pollaczek-Khinchine formula with a service time that does not vary."""
    service, arrivals_a_second = 0.5, 1.4
    waits: list[float] = []
    sent: dict[str, float] = {}
    queue = BigQueue(lab.kernel.clock)

    async def handle(deliveries: Any) -> list[str]:
        waits.extend(lab.kernel.time - sent[each.message_id] - RECEIVE_SECONDS for each in deliveries)
        await lab.kernel.clock.sleep(service - RECEIVE_SECONDS)
        return []

    EventSource(queue, lab.function(handle), SourceSettings(1, 1), lab.kernel, 1).begin()
    random = Random(5)  # noqa: S311

    def arrive() -> None:
        message = queue.put(None)
        sent[message.message_id] = lab.kernel.time
        lab.kernel.loop.call_later(random.expovariate(arrivals_a_second), arrive)

    arrive()
    lab.kernel.run_until(5_000)

    load = arrivals_a_second * service
    expected = load * service / (2 * (1 - load))
    assert sum(waits) / len(waits) == pytest.approx(expected, rel=0.1)


def test_a_partition_takes_no_more_than_it_can(lab: Lab) -> None:
    spend = MemorySpend()
    refused = 0

    def count(process: Sandbox) -> None:
        nonlocal refused
        for _ in range(100):
            try:
                process.wrap("spend", spend).add_spend("demo", "2026-01-01", Usage(1), "task")
            except StoreUnavailable:
                refused += 1

    for _ in range(60):
        process = lab.sandbox()
        process.start(partial(count, process))
    lab.kernel.run_until(4)

    written = spend.tasks.total()
    assert 3.5 * PARTITION_WRITES < written <= 5 * PARTITION_WRITES + 60
    assert lab.cloud.throttled["spend.add_spend"] > 0
    assert refused > 0


def test_other_partitions_are_not_throttled_with_a_hot_one(lab: Lab) -> None:
    spend = MemorySpend()

    def count(process: Sandbox, project_id: str) -> None:
        for _ in range(40):
            process.wrap("spend", spend).add_spend(project_id, "2026-01-01", Usage(1), "task")

    for number in range(60):
        process = lab.sandbox()
        process.start(partial(count, process, f"p{number}"))
    lab.kernel.run_until(2)

    assert spend.tasks.total() == 60 * 40
    assert not lab.cloud.throttled


def test_calls_of_one_process_wait_for_its_processor(lab: Lab) -> None:
    def seconds(memory_mb: int) -> float:
        process, spend, began = lab.sandbox(memory_mb), MemorySpend(), lab.kernel.time
        ends: list[float] = []

        def call() -> None:
            process.wrap("spend", spend).spend("demo", "2026-01-01")
            ends.append(lab.kernel.time)

        for _ in range(100):
            process.start(call)
        lab.kernel.run_until(began + 10)
        return max(ends) - began

    assert seconds(1_769) == pytest.approx(0.4, abs=0.03)
    assert seconds(3_008) == pytest.approx(0.4, abs=0.03)  # one interpreter does not use the second
    assert seconds(442) == pytest.approx(1.6, abs=0.03)


def test_a_process_that_dies_in_a_call_has_made_it_or_not(lab: Lab) -> None:
    outcomes = set()
    for number in range(40):
        spend = MemorySpend()
        answers: list[Any] = []
        process = lab.sandbox()

        def call(
            process: Sandbox = process, spend: MemorySpend = spend, answers: list[Any] = answers
        ) -> None:
            try:
                process.wrap("spend", spend).add_spend("demo", "2026-01-01", Usage(1), "task")
            finally:
                answers.append(process.dead)

        process.start(call)
        lab.kernel.run_until(lab.kernel.time + 0.0002 * number)
        process.kill()
        lab.kernel.run_until(lab.kernel.time + 1)
        outcomes.add((spend.tasks.total(), answers[0]))

    assert outcomes == {(0, True), (1, True), (1, False)}


def test_a_frozen_process_stands_still(lab: Lab) -> None:
    process, spend = lab.sandbox(), MemorySpend()
    ends: list[float] = []

    def call() -> None:
        process.wrap("spend", spend).add_spend("demo", "2026-01-01", Usage(1), "task")
        ends.append(lab.kernel.time)

    process.start(call)
    process.freeze()
    lab.kernel.run_until(100)
    assert not ends
    process.thaw()
    lab.kernel.run_until(101)

    assert spend.tasks.total() == 1
    assert len(ends) == 1


def test_threads_take_steps_side_by_side(lab: Lab) -> None:
    process, spend = lab.sandbox(), MemorySpend()
    port = process.wrap("spend", spend)
    ends: list[float] = []

    def step(followers: int) -> list[WorkStep]:
        port.add_spend("demo", "2026-01-01", Usage(1), "task")
        ends.append(lab.kernel.time)
        return [partial(step, 0)] * followers

    process.start(lambda: process.threads(8)([partial(step, 3)] * 4, lambda: True))
    lab.kernel.run_until(2)

    assert spend.tasks.total() == 16
    assert ends[3] < 4 * 0.008
    assert ends[-1] < 16 * 0.008


def test_a_step_that_hangs_is_left_behind(lab: Lab) -> None:
    process = lab.sandbox()
    over_at: list[float] = []

    def sweep() -> None:
        end = lab.kernel.time + 10

        def hang() -> list[WorkStep]:
            lab.kernel.pause(1_000)
            return []

        process.threads(2)([hang, list], lambda: lab.kernel.time < end)
        over_at.append(lab.kernel.time)

    process.start(sweep)
    lab.kernel.run_until(20)

    assert over_at == pytest.approx([12], abs=0.6)


def test_an_invocation_that_takes_too_long_is_killed_and_its_messages_come_back(lab: Lab) -> None:
    queue = BigQueue(lab.kernel.clock, visibility_seconds=90)
    begun: list[float] = []

    async def handle(_: Any) -> list[str]:
        begun.append(lab.kernel.time)
        await lab.kernel.clock.sleep(1_000)
        return []

    function = lab.function(handle)
    EventSource(queue, function, SourceSettings(10, 2), lab.kernel, 1).begin()
    queue.put(None)
    lab.kernel.run_until(100)

    assert begun == pytest.approx([0, 90], abs=1.1)
    assert function.killed == 1


def test_a_message_is_received_so_often_and_then_dead(lab: Lab) -> None:
    dead = BigQueue(lab.kernel.clock)
    queue = BigQueue(lab.kernel.clock, visibility_seconds=5, max_receives=3, dead=dead)
    times = 0

    async def handle(deliveries: Any) -> list[str]:
        nonlocal times
        times += 1
        return [each.message_id for each in deliveries]

    EventSource(queue, lab.function(handle), SourceSettings(10, 2), lab.kernel, 1).begin()
    queue.put(None)
    lab.kernel.run_until(60)

    assert (times, len(queue), len(dead)) == (3, 0, 1)


def test_the_event_source_begins_with_five_batches_and_takes_more_by_and_by(lab: Lab) -> None:
    queue = BigQueue(lab.kernel.clock)
    running: dict[float, int] = {}

    async def handle(_: Any) -> list[str]:
        await lab.kernel.clock.sleep(50)
        return []

    source = EventSource(queue, lab.function(handle), SourceSettings(1, 30), lab.kernel, 0.1)
    source.begin()
    for _ in range(200):
        queue.put(None)
    for second in (0.5, 2, 20):
        lab.kernel.run_until(second)
        running[second] = source.busy

    assert 5 <= running[0.5] <= 7
    assert 12 <= running[2] <= 16
    assert running[20] == 30


def test_a_scheduled_call_that_fails_is_tried_twice_more(lab: Lab) -> None:
    begun: list[float] = []

    async def handle(_: Any) -> None:
        begun.append(lab.kernel.time)
        raise ValueError("any")

    schedule = Schedule(lab.function(handle), 3_600, lab.kernel, first_at=1)
    schedule.begin()
    lab.kernel.run_until(3_000)

    assert begun == pytest.approx([1, 61, 181], abs=0.1)
    assert schedule.failed == 3


def test_what_a_function_raises_is_no_answer(lab: Lab) -> None:
    async def handle(_: Any) -> None:
        raise ValueError("any")

    with pytest.raises(Failed):
        lab.kernel.loop.run_until_complete(lab.function(handle).invoke(None))


def test_work_that_waits_for_nothing_is_found(lab: Lab) -> None:
    with pytest.raises(Stuck):
        lab.kernel.loop.run_until_complete(lab.kernel.loop.create_future())


def test_the_templates_numbers_are_used() -> None:
    few, many = Simulation(settings=Settings((("WorkerConcurrency", "4"),))), Simulation()

    assert few.monitor.places == 400
    assert many.monitor.places == 1_000
    assert (many.worker.settings.timeout_seconds, many.worker.settings.memory_mb) == (900, 704)
    few.close()
    many.close()


def test_a_call_that_is_not_answered_in_time_is_made_again(lab: Lab) -> None:
    """Each attempt takes effect, and the caller gets no response."""
    spend, process = MemorySpend(), lab.sandbox()
    lab.cloud.disturbances.append(Disturbance("spend.", 0, 60, seconds=6))
    errors: list[StoreUnavailable] = []

    def call() -> None:
        try:
            process.wrap("spend", spend).add_spend("demo", "2026-01-01", Usage(1), "task")
        except StoreUnavailable as error:
            errors.append(error)

    process.start(call)
    lab.kernel.run_until(30)

    assert spend.tasks.total() == 3
    assert len(errors) == 1


def test_a_lock_stops_only_who_waits_for_it(lab: Lab) -> None:
    lock, ends = Lock(lab.kernel), list[float]()

    def work() -> None:
        with lock:
            lab.kernel.pause(1)
        ends.append(lab.kernel.time)

    for _ in range(3):
        lab.sandbox().start(work)
    lab.kernel.run_until(5)

    assert ends == pytest.approx([1, 2, 3])
