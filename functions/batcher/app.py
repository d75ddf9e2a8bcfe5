"""Batcher: every minute, submits tasks of the batch lane as Message Batches and records results."""

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.adapters.claude.batches import ClaudeBatches
from a2a_tasks.adapters.claude.connection import connection_of_function
from a2a_tasks.adapters.dynamodb.batches import DynamoDBBatches
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBSpend
from a2a_tasks.adapters.payloads.task_payloads import payloads_of_function
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.batches.batcher import Batcher
from a2a_tasks.batches.tasks import AT_A_TIME
from a2a_tasks.wiring.batcher import build_batcher
from a2a_tasks.wiring.prices import prices_of_function
from a2a_tasks.wiring.tasks import TaskWiring

RESERVE_SECONDS = 10.0
"""Time in which what has begun is still written down; nothing begins in it."""


def _batcher() -> Batcher:
    tasks = TaskWiring.of_function(telemetry)
    table = tasks.dynamodb, tasks.table
    return build_batcher(
        tasks,
        payloads=payloads_of_function(tasks.texts),
        batches=DynamoDBBatches(*table),
        api=ClaudeBatches(connection_of_function(), tasks.clock),
        budgets=DailyBudgets(DynamoDBSpend(*table), tasks.registry, tasks.clock),
        prices=prices_of_function(),
        run=asyncio.to_thread,
    )


logger = lean_logger()
telemetry = PowertoolsTelemetry(logger, SpanOutlet.of_function())
batcher = _batcher()
# one loop for the life of the process: the API's connections belong to it
_loop = asyncio.Runner()
_loop.get_loop().set_default_executor(ThreadPoolExecutor(AT_A_TIME))
gc.enable()
gc.freeze()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    def time_left() -> float:
        milliseconds: int = context.get_remaining_time_in_millis()
        return milliseconds / 1000 - RESERVE_SECONDS

    report = _loop.run(batcher.work(time_left))
    telemetry.event("batches processed", **asdict(report))
    telemetry.end_invocation()
    return asdict(report)
