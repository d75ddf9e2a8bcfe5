"""Batcher: every minute, submits tasks of the batch lane as Message Batches and records results."""

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.access.cost_limits import CostLimits
from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.adapters.claude.batches import ClaudeBatches
from a2a_tasks.adapters.claude.connection import connection_of_function
from a2a_tasks.adapters.dynamodb.batches import DynamoDBBatches
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBSpend
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.batches.batcher import Batcher
from a2a_tasks.batches.collection import BatchCollection
from a2a_tasks.batches.creation import BatchCreation
from a2a_tasks.batches.recovery import BatchRecovery
from a2a_tasks.batches.requests import BatchRequests
from a2a_tasks.batches.results import BatchResults
from a2a_tasks.batches.single_turn import SingleTurns
from a2a_tasks.batches.submission import BatchSubmission
from a2a_tasks.batches.tasks import AT_A_TIME, BatchTasks, SideBySide
from a2a_tasks.tasks.agent_revisions import Revisions
from a2a_tasks.wiring.payloads import payloads_of_function
from a2a_tasks.wiring.prices import prices_of_function
from a2a_tasks.wiring.tasks import TaskWiring

RESERVE_SECONDS = 10.0


def _batcher() -> Batcher:
    wired = TaskWiring.of_function(telemetry)
    payloads = payloads_of_function(wired.texts)
    api = ClaudeBatches(connection_of_function(), wired.clock)
    batches = DynamoDBBatches(wired.dynamodb, wired.table)
    budgets = DailyBudgets(DynamoDBSpend(wired.dynamodb, wired.table), wired.registry, wired.clock)
    day = DayCount(wired.store, budgets, telemetry)
    tasks = BatchTasks(wired.store, batches, payloads, wired.finalizer, day, telemetry)
    cost_limits = CostLimits(budgets, prices_of_function(), telemetry, in_batch=True)
    turns = SingleTurns(Revisions(wired.registry), cost_limits)
    side_by_side = SideBySide(asyncio.to_thread, telemetry)
    requests = BatchRequests(api, payloads, turns)
    collection = BatchCollection(batches, tasks, requests, side_by_side)
    creation = BatchCreation(batches, api, tasks, requests, side_by_side)
    return Batcher(
        batches=batches,
        results=BatchResults(batches, api, tasks, turns, side_by_side, wired.entropy),
        recovery=BatchRecovery(batches, api, creation, telemetry, asyncio.to_thread),
        submission=BatchSubmission(
            batches, tasks, collection, creation, budgets, side_by_side, wired.entropy
        ),
        clock=wired.clock,
        entropy=wired.entropy,
        telemetry=telemetry,
        run=asyncio.to_thread,
    )


logger = Logger()
telemetry = PowertoolsTelemetry(logger)
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
    telemetry.event("batches seen to", **asdict(report))
    telemetry.flush()
    return asdict(report)
