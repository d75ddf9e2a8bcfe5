"""Worker: executes tasks from the queue, up to ten concurrently per invocation."""

import asyncio
import gc
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from a2a_tasks.access.cost_limits import CostLimits
from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.adapters import environment
from a2a_tasks.adapters.claude.connection import connection_of_function
from a2a_tasks.adapters.claude.files import ClaudeFiles
from a2a_tasks.adapters.claude.model import ClaudeModel
from a2a_tasks.adapters.dynamodb.paces import DynamoDBPaces
from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.adapters.workspace.folder import FolderWorkspaces
from a2a_tasks.execution.agent_loop import AgentLoop
from a2a_tasks.execution.checkpoints import Checkpoints
from a2a_tasks.execution.child_tasks import OtherAgents
from a2a_tasks.execution.heartbeat import MOST_TRIES, Heartbeat
from a2a_tasks.execution.history import Histories
from a2a_tasks.execution.live_output import Live
from a2a_tasks.execution.outcomes import OutcomeHandler
from a2a_tasks.execution.paced_model import PacedModel
from a2a_tasks.execution.pacing import Pacing
from a2a_tasks.execution.prompts import Prompts
from a2a_tasks.execution.store_retry import StoreRetry
from a2a_tasks.execution.tools.made_files import MadeFiles
from a2a_tasks.execution.worker import Executor
from a2a_tasks.tasks.agent_revisions import Revisions
from a2a_tasks.wiring.payloads import payloads_of_function
from a2a_tasks.wiring.prices import prices_of_function
from a2a_tasks.wiring.submitter import submitter_of_function
from a2a_tasks.wiring.tasks import TaskWiring

BATCH_SIZE = 10
"""As in the template's event source, and the limit of ChangeMessageVisibilityBatch."""
RESERVED_PLACES = 2
"""Additional places for tasks of other projects when one project has ten."""
THREADS = 32
_heart = ThreadPoolExecutor(MOST_TRIES + 2)
"""Threads of the heartbeat, which work that waits for a store cannot occupy."""
WORKSPACES = Path(tempfile.gettempdir()) / "workspaces"


async def _run_apart[**P, T](call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_heart, partial(call, *args, **kwargs))


def _executor(tasks: TaskWiring) -> Executor:
    run = asyncio.to_thread
    store, queue, slots, finalizer = tasks.store, tasks.queue, tasks.slots, tasks.finalizer
    clock, entropy, holders = tasks.clock, tasks.entropy, tasks.holders
    payloads = payloads_of_function(tasks.texts)
    submitter = submitter_of_function(tasks, payloads)
    budgets, connection = submitter.budgets, connection_of_function()
    workspaces = FolderWorkspaces(WORKSPACES)
    workspaces.wipe_all()
    store_retry = StoreRetry(clock, run)
    paces, key = DynamoDBPaces(tasks.dynamodb, tasks.table), connection.backend.value
    pacing = Pacing(paces, clock, entropy, telemetry, run, key)
    checkpoints = Checkpoints(store, tasks.records, payloads, clock, store_retry, run)
    cost_limits = CostLimits(budgets, prices_of_function(), telemetry)
    day = DayCount(store, budgets, telemetry)
    loop = AgentLoop(
        revisions=Revisions(tasks.registry),
        payloads=payloads,
        workspaces=workspaces,
        model=PacedModel(ClaudeModel(connection, clock), pacing),
        checkpoints=checkpoints,
        histories=Histories(tasks.contexts, store, payloads),
        other_agents=OtherAgents(store, payloads, submitter, budgets, checkpoints, clock, entropy, run),
        cost_limits=cost_limits,
        day=day,
        prompts=Prompts(cost_limits, connection.backend, submitter.aliases),
        made_files=MadeFiles(ClaudeFiles(connection, clock), payloads, checkpoints, clock),
        telemetry=telemetry,
        run=run,
    )
    outcomes = OutcomeHandler(
        store=store,
        payloads=payloads,
        queue=queue,
        slots=slots,
        finalizer=finalizer,
        day=day,
        clock=clock,
        entropy=entropy,
        telemetry=telemetry,
        store_retry=store_retry,
        run=run,
        max_wait_ms=environment.integer("MAX_INPUT_WAIT_HOURS") * 3_600_000,
    )
    heartbeat = Heartbeat(
        workers=holders.workers,
        store=store,
        queue=queue,
        clock=clock,
        entropy=entropy,
        telemetry=telemetry,
        run=_run_apart,
        lease_seconds=environment.integer("LEASE_SECONDS"),
    )
    return Executor(
        loop=loop,
        pacing=pacing,
        outcomes=outcomes,
        store=store,
        queue=queue,
        slots=slots,
        holders=holders,
        heartbeat=heartbeat,
        finalizer=finalizer,
        live=Live(DynamoDBLive(tasks.dynamodb, tasks.table), clock, telemetry, run),
        clock=clock,
        entropy=entropy,
        telemetry=telemetry,
        run=run,
        room=BATCH_SIZE,
        reserved=RESERVED_PLACES,
    )


logger = Logger()
telemetry = PowertoolsTelemetry(logger)
_tasks = TaskWiring.of_function(telemetry)
executor = _executor(_tasks)
# one loop for the life of the process: the model's connections belong to it
_loop = asyncio.Runner()
_loop.get_loop().set_default_executor(ThreadPoolExecutor(THREADS))
gc.enable()
gc.freeze()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    deliveries = [_tasks.queue.delivery_of(record) for record in event["Records"]]
    kept = _loop.run(executor.execute(deliveries, lambda: context.get_remaining_time_in_millis() / 1000))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in kept]}
