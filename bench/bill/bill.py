"""The bill of a task: the measured usage, and that of the simulated workers, times prices."""

from math import log

from bench.bill.measurement import Kind, Load, Measurement
from bench.bill.part import Part, invoked
from bench.bill.prices import Service, Unit
from bench.bill.usage import Usage
from tests.load.packing import Packing

WAIT_SECONDS = 30
"""Duration of the simulated tasks."""
WITH_KEYS = ("Api", "Messages", "A2A")
"""Functions whose callers have API keys, which the authorizer checks."""
KEY_SECONDS = 60
"""How long API Gateway caches a key: ``AuthorizerCacheSeconds``."""
RARE_SECONDS = 60
"""At this interval between two tasks, or more, a function's caches have expired, except for secrets."""
SECRET_SECONDS = 300
"""How long secrets are cached (a2a_tasks/adapters/secrets/secrets_manager.py)."""
RETENTION_MONTHS = 30 / 30.4
"""``RetentionDays``."""


def task(measured: Measurement, kind: Kind, a_second: float) -> dict[str, Usage]:
    """The usage of a task of this kind, by function. ``queue`` is the polling by Lambda's pollers,
    ``storage`` what is stored, and ``caches`` the reads of rarely called functions, whose caches have
    expired."""
    packing = packed(measured.loads, a_second, kind.seconds)
    bill = {}
    if any(part.function in WITH_KEYS for part in kind.parts):
        bill["Authorizer"] = measured.authorizer.times(keys_checked(a_second)).usage
    for part in kind.parts:
        if part.function == "Worker":
            bill["Worker"] = _worker(measured, kind, part, packing)
        else:
            waited = kind.seconds if part.function == kind.waiting else 0
            bill[part.function] = part.waiting(waited).usage
    bill["queue"] = Usage({Unit.SQS_REQUESTS: packing.receives + packing.invocations})
    bill["storage"] = kind.stored * RETENTION_MONTHS
    if a_second <= 1 / RARE_SECONDS:
        bill["caches"] = _read_again(measured.rare, 1 / a_second)
    return bill


def _read_again(rare: Usage, seconds: float) -> Usage:
    """Reads after the caches have expired, with this many seconds between two tasks."""
    share = min(1.0, seconds / SECRET_SECONDS)
    of_secrets = rare.of(Service.SECRETS)
    return rare - of_secrets + of_secrets * share


def keys_checked(a_second: float) -> float:
    """Calls of the authorizer for a task, if all tasks share one key and a task's requests come within a
    minute."""
    return min(1.0, 1 / (KEY_SECONDS * a_second))


def _worker(measured: Measurement, kind: Kind, part: Part, packing: Packing) -> Usage:
    waiting = measured.waiting
    used = part.used
    used += waiting.of_worker * (packing.seconds - kind.played_seconds)
    used += waiting.of_task * (kind.seconds - kind.played_seconds)
    return used + invoked(packing.invocations, packing.seconds, part.memory_mb)


def packed(loads: tuple[Load, ...], a_second: float, seconds: float) -> Packing:
    """How tasks of this many seconds are packed: like the simulated tasks with the same number running at a
    time, interpolated by the logarithm of the load."""
    at_a_time = a_second * seconds
    known = sorted((load.a_second * WAIT_SECONDS, load.packing) for load in loads)
    before = [(load, packing) for load, packing in known if load <= at_a_time] or known[:1]
    after = [(load, packing) for load, packing in known if load >= at_a_time] or known[-1:]
    (low, first), (high, last) = before[-1], after[0]
    share = 0.0 if low == high else log(at_a_time / low) / log(high / low)

    def between(one: float, other: float) -> float:
        return one + (other - one) * share

    longer = seconds / WAIT_SECONDS
    return Packing(
        between(first.seconds, last.seconds) * longer,
        between(first.invocations, last.invocations),
        between(first.receives, last.receives),
        between(first.workers, last.workers),
        first.room,
    )
