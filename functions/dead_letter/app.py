"""Dead letter: a message that kept failing ends its task with the reason."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb_registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb_slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb_tasks import DynamoDBTaskStore
from a2a_tasks.adapters.sqs_queue import SQSTaskQueue, delivery_of
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.services.dead_letter import DeadLetters
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.slots import Slots

logger = Logger()
telemetry = PowertoolsTelemetry(logger)
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
_dynamodb, _table = clients.dynamodb(), environment.text("TASKS_TABLE")
_clock, _entropy = SystemClock(), SystemEntropy()
_store = DynamoDBTaskStore(_dynamodb, _table)
_queue = SQSTaskQueue(clients.sqs(), environment.text("TASK_QUEUE_URL"))
_registry = DynamoDBRegistry(_dynamodb, environment.text("REGISTRY_TABLE"))
_slots = Slots(DynamoDBSlots(_dynamodb, _table), _store, _queue, _registry, _clock, _entropy, telemetry)
dead_letters = DeadLetters(
    _store,
    Ending(_store, _slots, _queue, _clock, _entropy, telemetry, environment.retention_ms()),
    telemetry,
)


def _bury(record: SQSRecord) -> None:
    dead_letters.bury(delivery_of(record.raw_event))


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> Any:
    try:
        return process_partial_response(event, _bury, processor, context)
    finally:
        telemetry.flush()
