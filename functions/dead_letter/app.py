"""Dead letters: the task of a message that kept failing is announced again, or finally failed."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBSpend
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.maintenance.dead_letters import DeadLetters
from a2a_tasks.wiring.tasks import TaskWiring

logger = lean_logger()
telemetry = PowertoolsTelemetry(logger, SpanOutlet.of_function())
# an event of which nothing could be handled comes back like any other: an exception would count as an error
# of this function
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
_tasks = TaskWiring.of_function(telemetry)
_budgets = DailyBudgets(DynamoDBSpend(_tasks.dynamodb, _tasks.table), _tasks.registry, _tasks.clock)
_day = DayCount(_tasks.store, _budgets, telemetry)
dead_letters = DeadLetters(_tasks.store, _tasks.queue, _tasks.finalizer, _day, telemetry)


def _handle(record: SQSRecord) -> None:
    dead_letters.handle(_tasks.queue.delivery_of(record.raw_event))


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> Any:
    try:
        return process_partial_response(event, _handle, processor, context)
    finally:
        telemetry.end_invocation()
