"""A worker process of its own, with the code of the deployed one, that dies at a chosen call."""

import os
import signal
from dataclasses import replace
from typing import Any

from tests.twins.faults.failpoints import Crash, Failpoints, Fault
from tests.twins.stores.takers import MemoryTakers

FUNCTION_SECONDS = 900.0
DEAD_LISTED_MS = 0
"""Without a place on the list of takers no message is sent to the dead. By itself each successor would look
for such messages for 13 s, which tests/unit/execution/process/test_direct.py has."""


class DeathPoints(Failpoints):
    """Failpoints whose crash is the real one: nothing of the process is left to clean up."""

    def throw(self, fault: Fault) -> None:  # noqa: ARG002  it can only be a crash
        os.kill(os.getpid(), signal.SIGKILL)


def work(environment: dict[str, str], event: dict[str, Any], point: str, call: int, after: bool) -> None:
    """Handle an event, and die at the given call of a port (``port.method``), before or after its effect."""
    os.environ.update(environment)
    from functions.worker import app

    points = DeathPoints()
    points.fail(point, Crash(point), call=call, after=after)
    worker, loop = app.executor, app.executor.loop
    store, payloads = points.wrap("store", worker.store), points.wrap("payloads", loop.payloads)
    queue = points.wrap("queue", worker.queue)
    workers = points.wrap("workers", worker.holders.workers)
    holders = replace(worker.holders, workers=workers)
    slots = replace(
        worker.slots, store=points.wrap("slots", worker.slots.store), queue=queue, holders=holders
    )
    finalizer = replace(worker.finalizer, store=store, slots=slots, queue=queue, holders=holders)
    records = points.wrap("records", loop.checkpoints.records)
    checkpoints = replace(loop.checkpoints, store=store, records=records, payloads=payloads)
    executor = replace(
        worker,
        loop=replace(
            loop,
            payloads=payloads,
            model=points.wrap("model", loop.model),
            checkpoints=checkpoints,
            other_agents=replace(loop.other_agents, store=store, payloads=payloads, checkpoints=checkpoints),
        ),
        outcomes=replace(
            worker.outcomes, store=store, payloads=payloads, queue=queue, slots=slots, finalizer=finalizer
        ),
        store=store,
        queue=queue,
        slots=slots,
        holders=holders,
        # a list of its own: on the deployed one it would be sent tasks of other tests
        intake=replace(worker.intake, takers=MemoryTakers(), dead_listed_ms=DEAD_LISTED_MS),
        heartbeat=replace(worker.heartbeat, workers=workers, store=store, queue=queue),
        finalizer=finalizer,
    )
    deliveries = [app._tasks.queue.delivery_of(record) for record in event["Records"]]
    app._loop.run(executor.execute(deliveries, lambda: FUNCTION_SECONDS))
