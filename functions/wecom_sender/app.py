"""WeCom sender: brings answers and news to chats, up to ten at a time that share the wait. The function that
WeCom calls asks it who is in which department, and for the files that people send to applications: only this
one may have an address that WeCom trusts."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.rates import DynamoDBRates
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.payloads.task_payloads import payloads_of_function
from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.adapters.sqs.timed_queue import SQSTimedQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.wecom.access_tokens import DynamoDBAccessTokens
from a2a_tasks.adapters.wecom.api import HttpWeComApi
from a2a_tasks.adapters.wecom.connection_secrets import CachedConnectionSecrets
from a2a_tasks.adapters.wecom.connections import DynamoDBConnections
from a2a_tasks.adapters.wecom.delivery_messages import delivery_of
from a2a_tasks.adapters.wecom.delivery_progress import DynamoDBDeliveryProgress
from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.adapters.wecom.sender_answers import SenderAnswers
from a2a_tasks.tasks.results import Results
from a2a_tasks.wecom.delivery.access_tokens import AccessTokens
from a2a_tasks.wecom.delivery.app_client import WeComApp
from a2a_tasks.wecom.delivery.sender import Sender
from a2a_tasks.wecom.delivery.worker import ChatDeliveryWorker
from a2a_tasks.wecom.result_texts import ResultTexts
from a2a_tasks.wiring.sealing import sealing_of_function

AT_ONCE = 10
"""As many as an event brings. They mostly wait for WeCom."""


def _delivery_worker() -> ChatDeliveryWorker:
    dynamodb, table = clients.dynamodb(), environment.text("TASKS_TABLE")
    payloads = payloads_of_function(DynamoDBTexts(dynamodb, table))
    clock, entropy, api = SystemClock(), SystemEntropy(), HttpWeComApi()
    secrets = CachedConnectionSecrets(Lazy(clients.secretsmanager), clock)
    tokens = AccessTokens(DynamoDBAccessTokens(dynamodb, table), api, clock, entropy, time.sleep)
    sender = Sender(
        store=DynamoDBDeliveryProgress(dynamodb, table),
        app=WeComApp(api, tokens, secrets),
        api=api,
        secrets=secrets,
        rates=DynamoDBRates(dynamodb, table),
        clock=clock,
        entropy=entropy,
        pause=time.sleep,
    )
    tasks = DynamoDBTaskStore(dynamodb, table)
    return ChatDeliveryWorker(
        tasks=tasks,
        exchanges=DynamoDBExchanges(dynamodb, table),
        connections=DynamoDBConnections(dynamodb, environment.text("REGISTRY_TABLE")),
        opener=sealing_of_function(Purpose.RESPONSE_URL, clock, entropy),
        texts=ResultTexts(tasks, Results(payloads, payloads), clock),
        api=api,
        sender=sender,
        queue=SQSTimedQueue(
            clients.sqs(),
            environment.text("WECOM_QUEUE_URL"),
            environment.text("WECOM_DEAD_LETTER_QUEUE_URL"),
        ),
        clock=clock,
        entropy=entropy,
        telemetry=telemetry,
        threads=ThreadPoolExecutor(AT_ONCE),
        fixed_ip=environment.optional("WECOM_FIXED_IP"),
    )


logger = lean_logger()
telemetry = PowertoolsTelemetry(logger)
worker = _delivery_worker()
answers = SenderAnswers(worker.connections, worker.sender.app, worker.fixed_ip)
gc.enable()
gc.freeze()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    # asked by the function that WeCom calls, which waits for the answer while WeCom waits for it
    if "departmentsOf" in event:
        return answers.departments(event["departmentsOf"])
    if "mediaOf" in event:
        return answers.media(event["mediaOf"])
    deliveries = [delivery_of(record) for record in event["Records"]]
    try:
        kept = worker.run(deliveries)
    finally:
        telemetry.flush()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in kept]}
