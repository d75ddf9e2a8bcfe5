"""Measures everything that is billed, on a local stack, and simulates how tasks are packed into workers."""

import time
from collections.abc import Iterable

from bench.aws_calls import SHORT
from bench.bill.measurement import Kind, Load, Measurement, Waiting
from bench.bill.part import Part
from bench.bill.running import Running
from bench.bill.scenarios import SCENARIOS, Scenario, connected, echo, task, together
from bench.bill.tables import RATES
from bench.bill.usage import Usage
from bench.report import step
from local.deployed import Project
from tests.integration.support.event_files import load_event
from tests.load.packing import packed, settings_for

SCHEDULED = ("Sweeper", "Cleanup", "Batcher")
WAIT_SECONDS = 30
LEARNING_TASKS = 40
"""After this many tasks a process knows how often it sees the key, and counts as far ahead as it ever
will."""


def measure(project: Project) -> Measurement:
    """Raises ``RuntimeError`` if something does not end as it should."""
    loads = tuple(map(_load, RATES.values()))
    with Running.of(project) as running, connected(running):
        scheduled, idle_metrics = _scheduled(running)
        rare = _used(_first(running))
        _learn(running)
        kinds, metrics = _kinds(running)
        waiting = _waiting(running, loads[-1].packing.room)
        return Measurement(
            measured_on=time.strftime("%Y-%m-%d"),
            kinds=kinds,
            rare=_more(rare, _used(kinds["short"].parts)),
            authorizer=_authorizer(running),
            scheduled=scheduled,
            waiting=waiting,
            loads=loads,
            metrics=tuple(sorted(metrics | idle_metrics)),
            idle_metrics=tuple(sorted(idle_metrics)),
            secrets=_secrets(project),
        )


def _load(a_second: float) -> Load:
    with step(f"Simulate workers: a task of {WAIT_SECONDS} s every {1 / a_second:g} s"):
        return Load(a_second, packed(a_second, WAIT_SECONDS, settings_for(a_second * WAIT_SECONDS)))


def _scheduled(running: Running) -> tuple[dict[str, Part], set[str]]:
    """The functions called by schedules, when there is nothing to do."""
    with step("Measure the scheduled functions"):
        for function in SCHEDULED:
            running.invoke(function, load_event(f"{function.lower()}_schedule"))
        running.parts()
        for function in SCHEDULED:
            running.invoke(function, load_event(f"{function.lower()}_schedule"))
        return {part.function: part for part in running.parts()}, set(running.metrics)


def _first(running: Running) -> tuple[Part, ...]:
    """A task of functions with empty caches."""
    with step("The first task"):
        task(running, echo(SHORT))
        return running.parts()


def _learn(running: Running) -> None:
    """Let the API see its key often, as at every rate but the lowest."""
    with step(f"{LEARNING_TASKS} tasks"):
        for _ in range(LEARNING_TASKS):
            task(running, echo(SHORT))
        running.parts()


def _kinds(running: Running) -> tuple[dict[str, Kind], set[str]]:
    """What the functions do for each kind of task, and the metrics that they publish."""
    kinds = {}
    for scenario in SCENARIOS:
        with step(f"Tasks: {scenario.what}"):
            kinds[scenario.name] = _kind(running, scenario)
    return kinds, set(running.metrics)


def _kind(running: Running, scenario: Scenario) -> Kind:
    if not scenario.played_seconds:
        scenario.play(running)  # so that the functions' caches are filled
    running.parts()
    stored = running.stored()
    for _ in range(scenario.rounds):
        scenario.play(running)
    return Kind(
        scenario.seconds,
        scenario.played_seconds,
        scenario.waiting,
        running.parts(scenario.rounds),
        _more(running.stored(), stored) * (1 / scenario.rounds),
    )


def _waiting(running: Running, many: int) -> Waiting:
    """The usage of a worker with one waiting task, and with many, beyond that with a task that does not
    wait."""
    with step(f"A worker with one task, and with {many}, that wait {WAIT_SECONDS} s"):
        used = []
        for tasks, seconds in ((1, 0), (1, WAIT_SECONDS), (many, WAIT_SECONDS)):
            running.parts()
            together(running, tasks, seconds)
            used.append(_used(part for part in running.parts(tasks) if part.function == "Worker"))
    none, one, together_each = used
    of_worker = _more(one, together_each) * (1 / (WAIT_SECONDS * (1 - 1 / many)))
    return Waiting(of_worker, _more((one - none) * (1 / WAIT_SECONDS), of_worker))


def _authorizer(running: Running) -> Part:
    event = load_event("authorizer_token") | {"authorizationToken": f"Bearer {running.project.key}"}
    for _ in range(2):
        running.parts()
        running.invoke("Authorizer", event)
    (part,) = running.parts()
    return part


def _secrets(project: Project) -> int:
    """The secrets of a stack with one project and no connections to WeCom."""
    secrets = project.deployed.client("secretsmanager").list_secrets()["SecretList"]
    return sum("/wecom/" not in secret["Name"] for secret in secrets)


def _more(usage: Usage, than: Usage) -> Usage:
    """The additional usage of each unit; a negative difference is noise."""
    return Usage({unit: max(0.0, number) for unit, number in (usage - than).units.items()})


def _used(parts: Iterable[Part]) -> Usage:
    return Usage.sum(part.used for part in parts)
