"""``make simulate``: run the scenarios, and print the results of each.

All together take about five minutes of one core, the largest at reduced size; scenarios selected by name
run at full size, which takes another five minutes for ``big``.
"""

import gc
import sys
import time

from rich.console import Console
from rich.table import Table

from tests.load.scenario import Scenario
from tests.load.scenarios import ALL

console = Console()
# millions of small objects, hardly any of which are garbage in cycles
gc.set_threshold(200_000, 20, 50)


def main(names: list[str]) -> int:
    """Run those whose names contain one of ``names``, or all. Returns the number of claims that do not
    hold."""
    chosen = [each for each in ALL if not names or any(name in each.name for name in names)]
    broken = 0
    for number, scenario in enumerate(chosen, 1):
        console.print(f"[bold]{number}/{len(chosen)} {scenario.name}[/]  {scenario.what}")
        broken += _run(scenario, 1.0 if names else scenario.usual)
    console.print(f"{broken} claims do not hold." if broken else "Every claim holds.")
    return 1 if broken else 0


def _run(scenario: Scenario, scale: float) -> int:
    began = time.perf_counter()
    report = scenario.run(scale=scale)
    table = Table("", "", show_header=False, box=None)
    for name, value in report.lines():
        table.add_row(name, value)
    console.print(table)
    for claim in scenario.claims:
        mark = "[green]✓[/]" if claim.holds(report) else "[red]✗[/]"
        console.print(f"  {mark} {claim.what}: {claim.figure(report):,.1f} ({claim.bound})")
    console.print(f"  [dim]{time.perf_counter() - began:.1f} s[/]\n")
    return sum(1 for _ in scenario.broken(report))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
