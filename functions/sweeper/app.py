"""Sweeper: every minute, finds the tasks that somebody must look at."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb_batch_line import DynamoDBBatchLine
from a2a_tasks.adapters.dynamodb_registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb_slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb_tasks import DynamoDBTaskStore
from a2a_tasks.adapters.sqs_queue import SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.slots import Slots
from a2a_tasks.services.sweep import Sweeper

RESERVE_MS = 5_000

logger = Logger()
telemetry = PowertoolsTelemetry(logger)
_dynamodb, _table = clients.dynamodb(), environment.text("TASKS_TABLE")
_clock, _entropy = SystemClock(), SystemEntropy()
_store = DynamoDBTaskStore(_dynamodb, _table)
_queue = SQSTaskQueue(clients.sqs(), environment.text("TASK_QUEUE_URL"))
_registry = DynamoDBRegistry(_dynamodb, environment.text("REGISTRY_TABLE"))
_slots = Slots(DynamoDBSlots(_dynamodb, _table), _store, _queue, _registry, _clock, _entropy, telemetry)
sweeper = Sweeper(
    store=_store,
    queue=_queue,
    slots=_slots,
    batches=DynamoDBBatchLine(_dynamodb, _table),
    ending=Ending(_store, _slots, _queue, _clock, _entropy, telemetry, environment.retention_ms()),
    telemetry=telemetry,
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    report = sweeper.sweep(lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
    telemetry.event("sweep done", **asdict(report))
    telemetry.flush()
    return asdict(report)
