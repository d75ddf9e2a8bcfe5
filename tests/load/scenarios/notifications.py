"""Notifications of tasks' changes, and their delay."""

from a2a_tasks.domain.webhooks.push import PushConfig
from tests.load.scenario import Claim, Scenario, failed
from tests.load.simulator.cloud import Disturbance
from tests.load.simulator.report import Report
from tests.load.simulator.simulation import Simulation

MINUTE = 60
RECEIVER = PushConfig(url="https://receiver.example.com/hook", config_id="one")


def webhooks(sim: Simulation, scale: float) -> None:
    """Twenty tasks a second for a minute have a webhook each."""
    sim.agent(max_concurrent_tasks=None)
    sim.arrivals(20 * scale, MINUTE, lambda: sim.submit("writer", 2, push=RECEIVER))
    sim.run(MINUTE)
    sim.run_until_done(5 * MINUTE)
    sim.run(5)
    sim.figures["told"] = len(sim.notifications.ids)


def queue_down(sim: Simulation, scale: float) -> None:
    """The same, while the queue of notifications takes nothing for two minutes and notifiers die."""
    sim.cloud.disturbances.append(Disturbance("notifications.", 20, 140))
    for second in range(0, 160, 7):
        sim.kernel.loop.call_later(second + 0.9, sim.notifier.kill_one)
    webhooks(sim, scale)
    sim.run(3 * MINUTE)
    sim.figures["told"] = len(sim.notifications.ids)


def untold(report: Report) -> float:
    """Starts and ends without a notification in the queue."""
    return 2 * report.tasks - report.figures["told"]


SCENARIOS = (
    Scenario(
        "webhooks",
        webhooks.__doc__ or "",
        webhooks,
        (
            Claim("tasks failed", failed, most=0),
            Claim("changes not told", untold, most=0),
            Claim("told, 99 % (s)", lambda report: report.told_late_p99, most=5),
        ),
        quick=0.25,
    ),
    Scenario(
        "webhooks, their queue down",
        queue_down.__doc__ or "",
        queue_down,
        (
            Claim("tasks failed", failed, most=0),
            Claim("changes not told", untold, most=0),
            Claim("told, the last (s)", lambda report: report.told_late_max, most=150),
        ),
        quick=0.1,
    ),
)
