"""Worker: executes what the queue delivers, up to ten tasks an invocation that share its bill."""

import asyncio
import gc
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import SecretsProvider

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.claude import ClaudeModel
from a2a_tasks.adapters.dynamodb_registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb_tasks import DynamoDBTaskStore
from a2a_tasks.adapters.s3_payloads import S3Payloads
from a2a_tasks.adapters.sqs_queue import SQSTaskQueue, delivery_of
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.domain.usage import parse_prices
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.execute import Executor

KEY_CACHE_SECONDS = 300
THREADS = 32

_secrets = SecretsProvider(boto3_client=clients.secretsmanager())
_secret_arn = environment.text("CLAUDE_SECRET_ARN")


def _claude_key(fresh: bool) -> str:
    """The key in the secret's JSON ``{"apiKey": …}``, at most five minutes old; empty if none was put in."""
    secret = _secrets.get(_secret_arn, transform="json", max_age=KEY_CACHE_SECONDS, force_fetch=fresh)
    return str(cast("dict[str, Any]", secret)["apiKey"])


def _executor() -> Executor:
    dynamodb = clients.dynamodb()
    clock, entropy = SystemClock(), SystemEntropy()
    store = DynamoDBTaskStore(dynamodb, environment.text("TASKS_TABLE"))
    return Executor(
        store=store,
        registry=DynamoDBRegistry(dynamodb, environment.text("REGISTRY_TABLE")),
        payloads=S3Payloads(clients.s3, environment.text("PAYLOAD_BUCKET")),
        queue=SQSTaskQueue(clients.sqs(), environment.text("TASK_QUEUE_URL")),
        model=ClaudeModel(
            api_key=_claude_key,
            base_url=environment.text("CLAUDE_BASE_URL"),
            read_timeout_seconds=environment.integer("MODEL_READ_TIMEOUT_SECONDS"),
            clock=clock,
        ),
        ending=Ending(store, clock, entropy, telemetry, environment.retention_ms()),
        clock=clock,
        entropy=entropy,
        telemetry=telemetry,
        prices=parse_prices(json.loads(environment.text("MODEL_PRICES"))),
        lease_seconds=environment.integer("LEASE_SECONDS"),
    )


logger = Logger()
telemetry = PowertoolsTelemetry(logger)
executor = _executor()
# one loop for the life of the process: the model's connections belong to it
_loop = asyncio.Runner()
_loop.get_loop().set_default_executor(ThreadPoolExecutor(THREADS))
gc.enable()
gc.freeze()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    deliveries = [delivery_of(record) for record in event["Records"]]
    kept = _loop.run(executor.execute(deliveries, lambda: context.get_remaining_time_in_millis() / 1000))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in kept]}
