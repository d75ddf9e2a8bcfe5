"""A scenario: a deployment's load and faults, and what must hold under them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.load.simulator.report import Report
from tests.load.simulator.settings import Settings
from tests.load.simulator.simulation import Simulation

type Play = Callable[[Simulation, float], None]
"""Runs the load; the number scales how many tasks there are."""


@dataclass(frozen=True)
class Claim:
    """A figure of the report that must be at most ``most``, and at least ``least``. ``waits_for`` names the
    change that is still needed to make it true."""

    what: str
    figure: Callable[[Report], float]
    most: float = float("inf")
    least: float = float("-inf")
    waits_for: str | None = None

    def holds(self, report: Report) -> bool:
        return self.least <= self.figure(report) <= self.most

    @property
    def bound(self) -> str:
        return f"≥ {self.least:g}" if self.most == float("inf") else f"≤ {self.most:g}"


@dataclass(frozen=True)
class Scenario:
    """``parameters`` are the template's. ``quick`` is the scale at which it is a unit test; None if it
    shows nothing with few tasks. ``usual`` is the scale at which it runs
    together with all others."""

    name: str
    what: str
    play: Play
    claims: tuple[Claim, ...]
    parameters: dict[str, str] = field(default_factory=dict)
    quick: float | None = 1.0
    usual: float = 1.0

    def run(self, seed: int = 0, scale: float = 1.0) -> Report:
        simulation = Simulation(seed, Settings(tuple(self.parameters.items())))
        try:
            self.play(simulation, scale)
            return simulation.report()
        finally:
            simulation.close()

    def broken(self, report: Report) -> Iterable[Claim]:
        return (claim for claim in self.claims if not claim.holds(report))


def failed(report: Report) -> float:
    """Tasks that ended other than completed."""
    return report.ends.total() - report.ends["completed"] + report.unwritten


def failed_wrongly(report: Report) -> float:
    """Tasks that failed for a reason other than their own timeouts."""
    ends = report.ends
    return ends.total() - sum(ends[each] for each in ("completed", "canceled", "TIMEOUT", "QUEUE_TIMEOUT"))
