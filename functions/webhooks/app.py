"""Webhooks: delivers notifications to their receivers, up to ten concurrently."""

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from a2a_tasks.a2a.push_body import NotificationBodies
from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.delivery_log import DynamoDBDeliveryLog
from a2a_tasks.adapters.dynamodb.push_configs import DynamoDBPushConfigs
from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.adapters.payloads.task_payloads import payloads_of_function
from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.adapters.sqs.notification_messages import delivery_of
from a2a_tasks.adapters.sqs.timed_queue import SQSTimedQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.adapters.webhooks.client import GuardedClient
from a2a_tasks.adapters.webhooks.signing_secrets import ProjectSecrets
from a2a_tasks.tasks.results import Results
from a2a_tasks.webhooks.delivery import Deliverer
from a2a_tasks.webhooks.receivers import Receivers
from a2a_tasks.wiring.sealing import sealing_of_function

THREADS = 32
"""For AWS calls of ten notifications, and slow name resolution of receivers."""


def _deliverer() -> Deliverer:
    dynamodb, table = clients.dynamodb(), environment.text("TASKS_TABLE")
    registry = DynamoDBRegistry(dynamodb, environment.text("REGISTRY_TABLE"))
    payloads = payloads_of_function(DynamoDBTexts(dynamodb, table))
    clock, entropy = SystemClock(), SystemEntropy()
    return Deliverer(
        tasks=DynamoDBTaskStore(dynamodb, table),
        configs=DynamoDBPushConfigs(dynamodb, table),
        log=DynamoDBDeliveryLog(dynamodb, table),
        opener=sealing_of_function(Purpose.RECEIVER, clock, entropy),
        secrets=ProjectSecrets(registry, sealing_of_function(Purpose.SIGNING, clock, entropy), clock),
        bodies=NotificationBodies(Results(payloads, payloads)),
        client=GuardedClient(allow_loopback=environment.text("ALLOW_LOOPBACK_WEBHOOKS") == "true"),
        receivers=Receivers(clock),
        queue=SQSTimedQueue(
            clients.sqs(),
            environment.text("NOTIFICATION_QUEUE_URL"),
            environment.text("NOTIFICATION_DEAD_LETTER_QUEUE_URL"),
        ),
        clock=clock,
        entropy=entropy,
        telemetry=telemetry,
        run=asyncio.to_thread,
        span_ms=environment.integer("WEBHOOK_RETRY_HOURS") * 3_600_000,
    )


logger = lean_logger()
telemetry = PowertoolsTelemetry(logger, SpanOutlet.of_function())
deliverer = _deliverer()
# one loop, and its threads, for the life of the process
_loop = asyncio.Runner()
_loop.get_loop().set_default_executor(ThreadPoolExecutor(THREADS))
gc.enable()
gc.freeze()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    deliveries = [delivery_of(record) for record in event["Records"]]
    try:
        kept = _loop.run(deliverer.deliver(deliveries))
    finally:
        telemetry.end_invocation()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in kept]}
