"""The cost of a task's records and texts, now and before each text became an item of its own.

The handlers on moto, as in bench/aws_calls.py: units of DynamoDB, the cost of a million tasks (DynamoDB and
SQS), and processor time from the creation to one poll. That time includes moto's own, the same for each call,
so it is only for comparison and not what AWS bills. Each call is a round trip of some milliseconds on AWS.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.aws_calls import LONG, PROSE, QUESTION, SHORT, dollars
from bench.report import step, table
from bench.support.moto_functions import Functions, functions_on_moto
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.caller import Caller
from tests.integration.support.texts import incompressible

ROUNDS = 25
MESSAGES = {
    "a short question": QUESTION,
    f"{SHORT:,} characters each way": f"[[standin: echo]]{PROSE[:SHORT]}",
    f"{LONG:,} characters each way": f"[[standin: echo]]{PROSE[:LONG]}",
    "the same, incompressible": f"[[standin: echo]]{incompressible(LONG)}",
}


@dataclass(frozen=True)
class Figures:
    """Of one task: calls that write, units, USD a million, and milliseconds of processor time."""

    writes: float
    written: float
    read: float
    usd: float
    create_ms: float
    work_ms: float
    poll_ms: float

    def cells(self) -> list[str]:
        numbers = (self.writes, self.written, self.read)
        times = (self.create_ms, self.work_ms, self.poll_ms)
        return [*(f"{n:g}" for n in numbers), f"{self.usd:.2f}", *(f"{n:.1f}" for n in times)]


BEFORE = dict(
    zip(
        MESSAGES,
        (
            Figures(8, 11, 3, 8.45, 52.5, 123.4, 24.1),
            Figures(8, 15, 3, 10.95, 44.8, 120.0, 23.2),
            Figures(8, 27, 6, 18.82, 48.0, 127.2, 22.6),
            Figures(8, 27, 6, 18.82, 49.3, 142.0, 23.3),
        ),
        strict=True,
    )
)
"""By this file at commit 1db2e78. The times are those of a busy machine: for a comparison, run both versions
side by side."""


def run() -> None:
    """Print the table."""
    rows: list[list[object]] = []
    for title, message in MESSAGES.items():
        with step(f"{ROUNDS} tasks: {title}"), functions_on_moto() as functions:
            functions.account.add_agent()
            now = _measure(functions, message)
        rows += [[f"{title}, before", *BEFORE[title].cells()], [f"{title}, now", *now.cells()]]
    titles = ["writes", "units written", "read", "USD/million", "create ms", "worker ms", "poll ms"]
    table("A task with one poll", ["", *titles], rows)


def _measure(functions: Functions, message: str) -> Figures:
    api, worker = functions.start("api"), functions.start("worker")
    caller = Caller(api.handler, PROJECT)
    functions.submit(api, AGENT, QUESTION)
    functions.work(worker)
    functions.counted()
    paths: list[str] = []

    def poll() -> None:
        assert caller.get(paths[-1]).body["status"] == "completed"

    times: list[list[float]] = []
    for _ in range(ROUNDS):
        steps: list[Callable[[], object]] = [
            lambda: paths.append(functions.submit(api, AGENT, message)),
            lambda: functions.work(worker),
            poll,
        ]
        times.append([_milliseconds(each) for each in steps])
    calls = functions.counted() / ROUNDS
    create, work, read = (median(each) for each in zip(*times, strict=True))
    return Figures(calls.writes, calls.write_units, calls.read_units, dollars(calls), create, work, read)


def _milliseconds(action: Callable[[], object]) -> float:
    started = time.process_time()
    action()
    return (time.process_time() - started) * 1000
