"""Cleanup: every hour, deletes what callers have deleted, and payloads past their retention."""

from dataclasses import asdict
from typing import Any

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.tasks.contexts import DynamoDBContexts
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.payloads.s3_payloads import S3Payloads
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.adapters.threads import Threads
from a2a_tasks.maintenance.cleanup import Cleaner

RESERVE_MS = 10_000
"""No step starts this shortly before the timeout."""
THREADS = 16
"""For steps that mostly wait for AWS."""

logger = lean_logger()
telemetry = PowertoolsTelemetry(logger, SpanOutlet.of_function())
_dynamodb, _table = clients.dynamodb(), environment.text("TASKS_TABLE")
_clock = SystemClock()
cleaner = Cleaner(
    store=DynamoDBTaskStore(_dynamodb, _table, clock=_clock),
    contexts=DynamoDBContexts(_dynamodb, _table),
    payloads=S3Payloads(Lazy(clients.s3), environment.text("PAYLOAD_BUCKET")),
    run_parallel=Threads(THREADS),
    clock=_clock,
    telemetry=telemetry,
    retention_ms=environment.retention_ms(),
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    report = cleaner.clean(lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
    telemetry.event("clean-up completed", **asdict(report))
    telemetry.end_invocation()
    return asdict(report)
