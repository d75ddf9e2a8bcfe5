"""The overhead of a turn in addition to the model: AWS calls, and the time until the next call of the model.

Calls are counted on moto, with the worker's own code: the difference between a longer and a shorter task,
divided by the difference of their turns, so that calls made once a task are excluded. The time is that
between the last byte of one call and the arrival of the next request, as the stand-in sees them on a local
stack; most of it is spent waiting for the emulator's responses to just these calls.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from a2a_tasks.execution.process.heartbeat import BEAT
from bench.report import p50_p95, step, table
from bench.support.moto_functions import KIND_TITLES, Calls, Functions, functions_on_moto
from local.deployed import Project
from tests.integration.support.account import AGENT, CREATED_AT, PROJECT
from tests.integration.support.template import known_values

TIMED_TURNS = 30
FEW, MANY = 2, 12
"""Turns of the tasks whose calls are compared."""
TOOLS = ["Glob", "Write", "WebSearch"]
LEASE_SECONDS = 6
"""A lease with a short heartbeat interval, so that some heartbeats can be counted; the first also writes an
index."""
BEATING_SECONDS = 11.5
BATCH = 10
LARGE = 20_000
"""Characters of a reply that does not fit into its record."""


@dataclass(frozen=True)
class Kind:
    """The work of a turn: a step of the stand-in's script."""

    title: str
    step: str

    def message(self, turns: int) -> str:
        """A task with this many such turns, and one more that answers."""
        return f"[[standin: {self.step}; repeat={turns} | say=done]] turns {self.title} {turns}"


KINDS = (
    Kind("no tool (pause_turn)", 'server=web_search:{"query": "x"}; stop=pause_turn'),
    Kind("a repeatable tool (Glob)", 'tool=Glob:{"pattern": "*"}'),
    Kind("a tool that runs once (Write)", 'tool=Write:{"file_path": "a.txt", "content": "text"}'),
    Kind(f"Glob, after {LARGE:,} characters", f'size={LARGE}; tool=Glob:{{"pattern": "*"}}'),
)


def run(project: Project) -> None:
    """Print the tables."""
    with step("Count the AWS calls of a turn, and of the heartbeat"), functions_on_moto() as functions:
        functions.account.add_agent(allowedTools=TOOLS, maxTurns=60, maxConcurrentTasks=BATCH)
        calls = {kind.title: _calls_a_turn(functions, kind) for kind in KINDS}
        budget = "no tool, in a project with a daily budget"
        functions.account.registry.create_project(PROJECT, CREATED_AT)
        functions.account.registry.set_project(PROJECT, daily_cost_usd=Decimal(1000))
        calls[budget] = _calls_a_turn(functions, KINDS[0])
        beats = [_calls_a_beat(functions, tasks) for tasks in (1, BATCH)]
    times: dict[str, tuple[str, str]] = {}
    for kind in KINDS:
        with step(f"A task of {TIMED_TURNS} turns: {kind.title}"):
            times[kind.title] = _times(project, kind)
    table(
        f"A turn, beside the model; times are of the local stack, over {TIMED_TURNS} turns",
        ["", *KIND_TITLES, "p50", "p95"],
        [[title, *counted.cells(), *times.get(title, ("", ""))] for title, counted in calls.items()],
    )
    _print_beats(beats)


def _calls_a_turn(functions: Functions, kind: Kind) -> Calls:
    api, worker = functions.start("api"), functions.start("worker")
    counted = []
    for turns in (FEW, FEW, MANY):  # the first warms the worker up
        path = functions.submit(api, AGENT, kind.message(turns))
        functions.counted()
        functions.work(worker)
        counted.append(functions.counted())
        task = functions.read(api, path)
        assert (task["status"], task["usage"]["turns"]) == ("completed", turns + 1), task
    _, few, many = counted
    return (many - few) / (MANY - FEW)


def _calls_a_beat(functions: Functions, tasks: int) -> Calls:
    """Calls of one heartbeat of an invocation with this many tasks, from the difference of longer tasks."""
    api, worker = functions.start("api"), functions.start("worker", LEASE_SECONDS=str(LEASE_SECONDS))
    counted = []
    for seconds in (0.0, 0.0, BEATING_SECONDS):  # the first runs warm the worker up
        message = f"[[standin: say=done; delay={seconds}]] beats"
        paths = [functions.submit(api, AGENT, message) for _ in range(tasks)]
        functions.counted()
        functions.work(worker)
        counted.append(functions.counted())
        assert all(functions.read(api, path)["status"] == "completed" for path in paths)
    _, none, some = counted
    return (some - none) / (some.sqs - none.sqs)  # each heartbeat extends all messages with one call


def _print_beats(beats: list[Calls]) -> None:
    lease = int(known_values({})["LeaseSeconds"])
    a_minute = 60 / (lease * BEAT)
    rows = [
        [
            f"{tasks} at a time",
            f"{beat.writes * a_minute / tasks:.3g}",
            f"{beat.write_units * a_minute / tasks:.3g}",
            f"{beat.sqs * a_minute:.3g}",
        ]
        for tasks, beat in zip((1, BATCH), beats, strict=True)
    ]
    table(
        f"The heartbeat's calls a minute, with the lease of {lease} s",
        ["tasks of an invocation", "DynamoDB writes a task", "units a task", "SQS an invocation"],
        rows,
    )


def _times(project: Project, kind: Kind) -> tuple[str, str]:
    accepted = project.submit(kind.message(TIMED_TURNS), project.id_of("toolbox"))
    task = project.wait(accepted, seconds=120)
    if task["status"] != "completed":
        raise RuntimeError(f"the task of {kind.title!r} was not completed: {task}")
    calls = project.deployed.calls(f"turns {kind.title} ")
    assert len(calls) == TIMED_TURNS + 1
    gaps = [later.started_at - (earlier.ended_at or 0) for earlier, later in pairwise(calls)]
    return p50_p95(gaps)
