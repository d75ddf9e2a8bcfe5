"""Sweeper: every minute, finds tasks that are due.

The scheduled invocation sweeps all shards. Shards with more than a page are handed to further invocations of
the function, one shard each, which hand over nothing.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.batch_line import DynamoDBBatchLine
from a2a_tasks.adapters.dynamodb.shard_leases import DynamoDBShardLeases
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.sweep_helpers import FunctionHelpers
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.adapters.threads import Threads
from a2a_tasks.domain.ids import SHARDS
from a2a_tasks.wiring.sweeper import build_sweeper
from a2a_tasks.wiring.tasks import TaskWiring

RESERVE_MS = 5_000
"""No step starts this shortly before the timeout. A call that hangs is abandoned two seconds later."""
THREADS = 16
"""More than one processor can keep busy with calls of five milliseconds, so that some may hang."""

logger = lean_logger()
telemetry = PowertoolsTelemetry(logger, SpanOutlet.of_function())
_tasks = TaskWiring.of_function(telemetry)
sweeper = build_sweeper(
    _tasks,
    batches=DynamoDBBatchLine(_tasks.dynamodb, _tasks.table),
    leases=DynamoDBShardLeases(_tasks.dynamodb, _tasks.table),
    helpers=FunctionHelpers(Lazy(clients.functions), environment.text("SWEEPER_FUNCTION"), telemetry),
    run_parallel=Threads(THREADS),
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    report = _sweep(event)(lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
    telemetry.event("sweep completed", shard=event.get("shard"), **asdict(report))
    telemetry.end_invocation()
    return asdict(report)


def _sweep(event: dict[str, Any]) -> Callable[..., Any]:
    if "shard" not in event:
        return sweeper.sweep
    shard = event["shard"]
    # True is an int too, and would be the shard 1
    if type(shard) is not int or not 0 <= shard < SHARDS:
        raise ValueError(f"shard is {shard!r}, and must be a number from 0 to {SHARDS - 1}")
    return lambda time_left: sweeper.sweep_shard(shard, time_left)
