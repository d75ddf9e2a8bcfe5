"""A day without incidents, and its metrics in CloudWatch.

Few tasks at night and a dozen a minute at noon, short and long, of three models; one in fifty exceeds its
timeout. Claude rejects calls for some minutes, and a process dies now and then, as usual.
"""

from collections.abc import Callable
from functools import partial
from math import pi, sin

from local.preflight.target import Target
from tests.alarms.deployment import Deployment
from tests.alarms.normal_days import ACCOUNT_CONCURRENCY
from tests.load.simulator.functions import Failed, Function
from tests.load.simulator.kernel import Kernel
from tests.load.simulator.meter import Meter
from tests.load.simulator.model import Overload
from tests.load.simulator.settings import Settings
from tests.load.simulator.simulation import Simulation
from tests.load.simulator.telemetry import MeteredTelemetry

HOUR, HOURS_A_DAY = 3_600, 24
LEAST_A_MINUTE, MOST_A_MINUTE = 1, 12
TURNS = {"haiku": (3.0,), "sonnet": (8.0, 12.0), "opus": (20.0, 30.0, 25.0)}
"""Of each model's tasks, in seconds."""
SHARES = {"haiku": 0.5, "sonnet": 0.4, "opus": 0.08, "hopeless": 0.02}
OVERLOADS = ((9.5, 8 * 60, 429), (14.2, 8 * 60, 529))
"""Hour of the day, seconds, status."""
KILLED_AT = (8.6, 14.6, 17.1)
NAMES = {"dead letter": "DeadLetter"}


def working_day(
    target: Target, hours: int = HOURS_A_DAY, *, begins_at: int = 0, told: Callable[[int], None] | None = None
) -> Meter:
    """The metrics of ``hours`` from this hour of the day on; deterministic for equal arguments. ``told`` is
    called with the number of hours that have passed."""
    kernel = Kernel()
    meter = Meter(kernel, Deployment(target))
    sim = Simulation(17, Settings(), kernel, MeteredTelemetry(meter=meter))
    for name in TURNS:
        model = meter.deployment.models()[name.capitalize()]
        sim.agent(name, model=model, max_concurrent_tasks=100)
    for hour, seconds, status in OVERLOADS:
        since = (hour - begins_at) * HOUR
        sim.model.overloads.append(Overload(since, since + seconds, 0.5, status))
    for hour in KILLED_AT:
        if hour > begins_at:
            kernel.loop.call_later((hour - begins_at) * HOUR, sim.worker.kill_one)
    for function in sim.functions:
        _watched(function, meter)
    kernel.loop.create_task(_watch(sim, meter))
    try:
        for hour in range(begins_at, begins_at + hours):
            a_minute = LEAST_A_MINUTE + (MOST_A_MINUTE - LEAST_A_MINUTE) * sin(pi * (hour % 24) / 24) ** 2
            sim.arrivals(a_minute / 60, HOUR, partial(_submit, sim, meter))
            sim.run(HOUR)
            if told is not None:
                told(hour - begins_at + 1)
        sim.report()  # raises errors that no outage explains
    finally:
        sim.close()
    return meter


def _submit(sim: Simulation, meter: Meter) -> None:
    meter.add(meter.deployment.api("Count"), 1)
    (name,) = sim.random.choices(list(SHARES), list(SHARES.values()))
    if name == "hopeless":
        sim.submit("sonnet", 90, 90, timeout_ms=60_000)
    else:
        sim.submit(name, *(seconds * sim.random.lognormvariate(0, 0.3) for seconds in TURNS[name]))


def _watched(function: Function, meter: Meter) -> None:
    """Lambda publishes invocations, errors and throttles with each call, and the concurrency."""
    name = NAMES.get(function.name, function.name.capitalize())
    invoke = function.invoke

    def publish(metric: str, value: float) -> None:
        meter.add(meter.deployment.function(metric, name), value)

    async def measured(event: object) -> object:
        publish("Invocations", 1)
        publish("Throttles", 0)
        publish("ConcurrentExecutions", function.running + 1)
        try:
            answer = await invoke(event)
        except Failed:
            publish("Errors", 1)
            raise
        publish("Errors", 0)
        return answer

    function.invoke = measured  # type: ignore[method-assign]


async def _watch(sim: Simulation, meter: Meter) -> None:
    """SQS publishes once a minute, Lambda the account's claimed concurrency."""
    deployment = meter.deployment
    queues = {"TaskQueue": sim.new, "UrgentTaskQueue": sim.urgent, "TaskDeadLetterQueue": sim.dead}
    while True:
        await sim.kernel.clock.sleep(60)
        for name, queue in queues.items():
            meter.add(deployment.visible(name), queue.visible())
            meter.add(deployment.queue("ApproximateNumberOfMessagesNotVisible", name), queue.flying)
            meter.add(deployment.age(name), queue.oldest_seconds())
        running = sum(function.running for function in sim.functions)
        meter.add(ACCOUNT_CONCURRENCY, running)
