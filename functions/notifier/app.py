"""Notifier: for each change of a task's status, one message per receiver and waiting chat."""

from typing import Any

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.push_configs import DynamoDBPushConfigs
from a2a_tasks.adapters.dynamodb.tasks.stream import sequence_number_of, status_change_of
from a2a_tasks.adapters.sqs.notification_messages import notification_sender
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.wecom.delivery_messages import delivery_sender
from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.notifications.fan_out import Notifier

logger = lean_logger()
telemetry = PowertoolsTelemetry(logger)
dynamodb, sqs, table = clients.dynamodb(), clients.sqs(), environment.text("TASKS_TABLE")
notifier = Notifier(
    configs=DynamoDBPushConfigs(dynamodb, table),
    sender=notification_sender(sqs, environment.text("NOTIFICATION_QUEUE_URL")),
    exchanges=DynamoDBExchanges(dynamodb, table),
    chat_deliveries=delivery_sender(sqs, environment.text("WECOM_QUEUE_URL")),
    telemetry=telemetry,
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """The first record that was not handled completely; Lambda delivers it and all later ones again."""
    records = event["Records"]
    try:
        failed = notifier.notify([status_change_of(record) for record in records])
    finally:
        telemetry.flush()
    if failed is None:
        return {"batchItemFailures": []}
    return {"batchItemFailures": [{"itemIdentifier": sequence_number_of(records[failed])}]}
