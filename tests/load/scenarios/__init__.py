"""Loads and faults that have broken deployments, or might."""

from tests.load.scenario import Scenario
from tests.load.scenarios import (
    batch_lane,
    dead_letters,
    lines,
    notifications,
    overload,
    saving,
    scale,
    sweeping,
    workers,
)

ALL: tuple[Scenario, ...] = (
    *sweeping.SCENARIOS,
    *dead_letters.SCENARIOS,
    *workers.SCENARIOS,
    *lines.SCENARIOS,
    *saving.SCENARIOS,
    *batch_lane.SCENARIOS,
    *overload.SCENARIOS,
    *notifications.SCENARIOS,
    *scale.SCENARIOS,
)
