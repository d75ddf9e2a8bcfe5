"""Sweeper: every minute, finds the tasks that somebody must look at."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger

from a2a_tasks.adapters.dynamodb_batch_line import DynamoDBBatchLine
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.services.sweep import Sweeper
from a2a_tasks.wiring.tasks import TaskWiring

RESERVE_MS = 5_000

logger = Logger()
telemetry = PowertoolsTelemetry(logger)
_tasks = TaskWiring.of_function(telemetry)
sweeper = Sweeper(
    store=_tasks.store,
    queue=_tasks.queue,
    slots=_tasks.slots,
    batches=DynamoDBBatchLine(_tasks.dynamodb, _tasks.table),
    ending=_tasks.ending,
    telemetry=telemetry,
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    report = sweeper.sweep(lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
    telemetry.event("sweep done", **asdict(report))
    telemetry.flush()
    return asdict(report)
