"""CPU time of the parsers exposed to strangers, for the most expensive inputs by size
(``tests.fuzz.expensive_inputs``)."""

import time

from bench.report import step, table
from tests.fuzz.expensive_inputs import expensive_inputs
from tests.fuzz.measuring import parse
from tests.fuzz.parsers import PARSERS

TIMES = 3
PER_BYTES = 100_000
AIM_MS = 200


def run() -> None:
    """Print the table: the worst input of each parser."""
    worst: dict[str, tuple[float, str, int]] = {}
    with step("Parse the most expensive inputs by size"):
        for name, input_name, make in expensive_inputs(everywhere=True):
            given = make()
            milliseconds = min(_milliseconds(name, given) for _ in range(TIMES))
            of_size = milliseconds * PER_BYTES / max(len(given), PER_BYTES)
            worst[name] = max(worst.get(name, (0.0, "", 0)), (of_size, input_name, len(given)))
    rows = [
        [name, f"{of_size:.0f} ms", f"{size:,}", input_name]
        for name, (of_size, input_name, size) in sorted(worst.items(), key=lambda item: item[1], reverse=True)
    ]
    table(
        f"CPU time for 100 KB of the worst input of each parser (aim: {AIM_MS} ms)",
        ["parser", "for 100 KB", "bytes", "the worst input, and where"],
        rows,
    )


def _milliseconds(name: str, given: bytes) -> float:
    before = time.process_time()
    parse(PARSERS[name], given)
    return (time.process_time() - before) * 1000
