"""AWS calls of one task, from its creation over its execution to one poll, and what a million cost.

The real services and adapters on moto; every call that leaves botocore is counted.
"""

import asyncio
from collections import Counter
from typing import Any

import boto3
from moto import mock_aws

from a2a_tasks.adapters.dynamodb_registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb_tasks import DynamoDBTaskStore
from a2a_tasks.adapters.s3_payloads import S3Payloads
from a2a_tasks.adapters.sqs_queue import SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.model import ModelReply, ModelRequest
from a2a_tasks.ports.queue import Delivery
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.execute import Executor
from a2a_tasks.services.submit import Submission, Submitter
from a2a_tasks.services.tasks import Tasks
from bench.report import console, table
from tests.integration.template import table_definition
from tests.twins.telemetry import MemoryTelemetry

WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
# USD per million requests, us-east-1, on demand: DynamoDB units of 1 KB written and 4 KB read (strongly
# consistent), SQS standard requests.
# Index entries are written too: one at the creation (due), two at the end (out of due, into retention).
INDEX_WRITES = 3
PRICE = {"write": 0.625, "read": 0.125, "sqs": 0.40}


class Answers:
    """A model that answers at once."""

    async def turn(self, request: ModelRequest) -> ModelReply:
        return ModelReply(
            f"An answer to {len(request.messages)} message.", "end_turn", Usage(20, 10, turns=1)
        )


def run() -> None:
    """Print the table."""
    with mock_aws():
        rows, total = _measure()
    table("AWS calls of one task", ["step", "DynamoDB writes", "DynamoDB reads", "SQS"], rows)
    writes, reads, sqs = total
    dollars = (writes + INDEX_WRITES) * PRICE["write"] + reads * PRICE["read"] + sqs * PRICE["sqs"]
    console.print(
        f"A million such tasks, with one poll each: about {dollars:.2f} USD for DynamoDB and SQS.\n"
    )


def _measure() -> tuple[list[list[object]], tuple[int, int, int]]:
    seen: Counter[str] = Counter()
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="bench", aws_secret_access_key="bench")  # noqa: S106
    session.events.register("before-call.*", lambda model, **_: seen.update([model.name]))
    dynamodb: Any = session.client("dynamodb")
    sqs: Any = session.client("sqs")
    dynamodb.create_table(TableName="tasks", **table_definition("TasksTable"))
    dynamodb.create_table(TableName="registry", **table_definition("RegistryTable"))
    url = sqs.create_queue(QueueName="tasks")["QueueUrl"]
    clock, entropy, telemetry = SystemClock(), SystemEntropy(), MemoryTelemetry()
    store, registry = DynamoDBTaskStore(dynamodb, "tasks"), DynamoDBRegistry(dynamodb, "registry")
    queue, payloads = SQSTaskQueue(sqs, url), S3Payloads(lambda: session.client("s3"), "unused")
    ending = Ending(store, clock, entropy, telemetry, retention_ms=86_400_000)
    definition = {
        "name": "Bench", "description": "", "systemPrompt": "", "model": "sonnet", "maxTurns": 30,
        "maxTokens": 16_000, "timeoutMs": 300_000, "maxConcurrentTasks": 5, "enabled": True,
        "allowedTools": [], "skills": [],
    }  # fmt: skip
    registry.apply_agent("bench", "bench", definition, clock.now())
    submitter = Submitter(
        store, registry, payloads, queue, clock, entropy, telemetry, {},
        max_attempts=3, max_timeout_ms=1_800_000,
    )  # fmt: skip
    executor = Executor(
        store, registry, payloads, queue, Answers(), ending, clock, entropy, telemetry, {}, lease_seconds=45
    )
    rows: list[list[object]] = []
    total = Counter[str]()

    def note(step: str) -> None:
        writes = sum(count for name, count in seen.items() if name in WRITES)
        reads = seen["GetItem"] + seen["Query"]
        sent = seen["SendMessage"] + seen["ChangeMessageVisibilityBatch"] + seen["DeleteMessage"]
        rows.append([step, writes, reads, sent])
        total.update(writes=writes, reads=reads, sqs=sent)
        seen.clear()

    seen.clear()
    task = submitter.submit(Submission("bench", "bench", "What is the time?", None, None, "bench"))
    note("POST: create and announce")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    seen.clear()
    delivery = Delivery(message["MessageId"], message["ReceiptHandle"], task.ref, "bench", 1)
    asyncio.run(executor.execute([delivery], lambda: 900.0))
    note("worker: claim, answer, complete")
    Tasks(store, registry, payloads, ending).get("bench", "bench", task.ref.task_id)
    note("GET: poll")
    rows.append(["sum", total["writes"], total["reads"], total["sqs"]])
    rows.append(["aim", "≤ 5", "1 a poll", "1 send"])
    return rows, (total["writes"], total["reads"], total["sqs"])
