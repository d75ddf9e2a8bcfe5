"""The dashboard's picture in ``docs/pictures/dashboard.svg``: ``make dashboard``.

The widgets are the template's; their data are six hours of a simulated day
(``tests/load/working_day.py``), which take about a minute. Needs no AWS account.
"""

import gc
import json
import sys
from pathlib import Path
from typing import Any

from docs.generate.panels import drawn
from local.preflight.target import Target
from tests.load.working_day import working_day

ENVIRONMENT = "prod"
BEGINS_AT, HOURS = 9, 6
PICTURE = Path(__file__).parents[1] / "pictures" / "dashboard.svg"


def widgets_of(target: Target) -> list[dict[str, Any]]:
    """The widgets of the template's dashboard."""
    (dashboard,) = target.of_type("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"])["widgets"]
    return found


def main() -> int:
    """Simulate the hours and draw them."""
    target = Target.of_environment(ENVIRONMENT)
    gc.set_threshold(200_000, 20, 50)  # millions of small objects, of which hardly any are in cycles

    def told(hours: int) -> None:
        sys.stderr.write(f"\r{hours} of {HOURS} hours simulated")

    samples = working_day(target, HOURS, begins_at=BEGINS_AT, told=told).samples
    sys.stderr.write("\n")
    PICTURE.write_text(drawn(widgets_of(target), samples, HOURS), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
