"""Worker: executes tasks from the queues, up to ``WORKER_TASKS`` concurrently per invocation."""

import asyncio
import gc
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from a2a_tasks.adapters import environment, snapstart
from a2a_tasks.adapters.claude.connection import connection_of_function
from a2a_tasks.adapters.claude.files import ClaudeFiles
from a2a_tasks.adapters.claude.model import ClaudeModel
from a2a_tasks.adapters.dynamodb.paces import DynamoDBPaces
from a2a_tasks.adapters.dynamodb.takers import DynamoDBTakers
from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.office.parser import ProcessParser
from a2a_tasks.adapters.payloads.task_payloads import payloads_of_function
from a2a_tasks.adapters.process_load import SystemProcessLoad
from a2a_tasks.adapters.telemetry.lean_logger import lean_logger
from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.adapters.workspace.folder import FolderWorkspaces
from a2a_tasks.execution.process.heartbeat import MOST_TRIES, VISIBILITY_BATCH
from a2a_tasks.execution.worker import Executor
from a2a_tasks.ports.queues import Delivery
from a2a_tasks.wiring.prices import prices_of_function
from a2a_tasks.wiring.submitter import submitter_of_function
from a2a_tasks.wiring.tasks import TaskWiring
from a2a_tasks.wiring.worker import WorkerPorts, WorkerSettings, build_worker

TASKS = environment.integer("WORKER_TASKS")
RESERVED_PLACES = max(2, TASKS // 20)
"""Additional places for tasks of other projects when one project has all."""
THREADS = 32 + TASKS // 4
"""For blocking calls: AWS calls, which take a few milliseconds, and file access."""
SECONDS_BETWEEN_METRICS = 10
"""A killed worker loses the metrics of this many seconds."""
_process_load = SystemProcessLoad(environment.integer("WORKER_MEMORY"))
_heart = ThreadPoolExecutor(MOST_TRIES + 2 + TASKS // VISIBILITY_BATCH)
"""Threads of the heartbeat, which work that waits for a store cannot occupy: as many as may hang at once,
which are the tries of a renewal and a call for each ten messages."""
WORKSPACES = Path(tempfile.gettempdir()) / "workspaces"


async def _execute(deliveries: list[Delivery], time_left: Callable[[], float]) -> list[str]:
    async with _process_load.watched():
        return await executor.execute(deliveries, time_left)


async def _run_apart[**P, T](call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_heart, partial(call, *args, **kwargs))


def _executor(tasks: TaskWiring) -> Executor:
    connection, table = connection_of_function(), (tasks.dynamodb, tasks.table)
    workspaces = FolderWorkspaces(WORKSPACES)
    # left by a process that died here: Lambda starts the next one in the same environment and does not clear
    # /tmp
    workspaces.wipe_all()
    ports = WorkerPorts(
        model=ClaudeModel(connection, tasks.clock),
        files=ClaudeFiles(connection, tasks.clock),
        workspaces=workspaces,
        office=ProcessParser(_process_load.left_bytes),
        paces=DynamoDBPaces(*table),
        live=DynamoDBLive(*table),
        takers=DynamoDBTakers(*table),
        process_load=_process_load,
        run=asyncio.to_thread,
        run_heartbeat=_run_apart,
    )
    settings = WorkerSettings(
        backend=connection.backend,
        prices=prices_of_function(),
        room=TASKS,
        reserved=RESERVED_PLACES,
        lease_seconds=environment.integer("LEASE_SECONDS"),
        max_wait_ms=environment.integer("MAX_INPUT_WAIT_HOURS") * 3_600_000,
    )
    submitter = submitter_of_function(tasks, payloads_of_function(tasks.texts))
    return build_worker(tasks, submitter, ports, settings)


logger = lean_logger()
telemetry = PowertoolsTelemetry(logger, SpanOutlet.of_function(), seconds_between=SECONDS_BETWEEN_METRICS)
_tasks = TaskWiring.of_function(telemetry)
executor = _executor(_tasks)
# one event loop for the life of the process, because the model's connections belong to it
_loop = asyncio.Runner()
_loop.get_loop().set_default_executor(ThreadPoolExecutor(THREADS))
snapstart.register_hooks()
gc.enable()
gc.freeze()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    deliveries = [_tasks.queue.delivery_of(record) for record in event["Records"]]
    # the other messages are deleted already; the event source deletes them again, which has no effect
    kept = _loop.run(_execute(deliveries, lambda: context.get_remaining_time_in_millis() / 1000))
    # called last: from here on Lambda may freeze the process
    telemetry.end_invocation()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in kept]}
