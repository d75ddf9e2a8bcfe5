"""What has broken deployments, or might."""

from tests.load.scenario import Scenario
from tests.load.scenarios import dead_letters, lines, saving, sweeping, workers

ALL: tuple[Scenario, ...] = (
    *sweeping.SCENARIOS,
    *dead_letters.SCENARIOS,
    *workers.SCENARIOS,
    *lines.SCENARIOS,
    *saving.SCENARIOS,
)
