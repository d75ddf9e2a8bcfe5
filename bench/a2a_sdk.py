"""Latencies of the A2A SDK's client, over HTTP, on a local stack with its own gateway.

A request takes the path of the local stack (local/gateway/), which is longer than that on AWS: the emulator's
gateway gets the event from a function of its own.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable
from uuid import uuid4

from a2a.types import (
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    Task,
    TaskState,
)

from bench.report import p50_p95, step, table
from local.deployed import Project
from tests.e2e.a2a.a2a_client import A2AClient, connected

SAMPLES, WARM = 20, 3
BINDINGS = ("JSONRPC", "HTTP+JSON")
QUESTION = "[[standin: say=It is noon.]] What is the time?"

type Times = dict[str, list[float]]


def run(project: Project) -> None:
    """Print the table."""
    times = {}
    for binding in BINDINGS:
        with step(f"The A2A SDK's client by {binding}"):
            times[binding] = asyncio.run(_times(project, binding))
    rows = [
        [what, *(cell for binding in BINDINGS for cell in p50_p95(times[binding][what]))]
        for what in times[BINDINGS[0]]
    ]
    columns = [f"{binding} {which}" for binding in BINDINGS for which in ("p50", "p95")]
    table(f"The A2A SDK's client, {SAMPLES} of each", ["", *columns], rows)


async def _times(project: Project, binding: str) -> Times:
    """Without the first calls, which start functions."""
    times: Times = defaultdict(list)
    at_once = SendMessageConfiguration(return_immediately=True)
    async with connected(project, project.agent_id, binding) as client:
        for _ in range(WARM + SAMPLES):
            task = await _timed(times["send, returned at once"], client.send(QUESTION, configuration=at_once))
            await _timed(times["get"], client.sdk.get_task(GetTaskRequest(id=task.id)))
            await _timed(times["list of 20"], client.sdk.list_tasks(ListTasksRequest(page_size=20)))
            done: Task = await _timed(times["send, answered when the task has ended"], client.send(QUESTION))
            assert done.status.state == TaskState.TASK_STATE_COMPLETED
    await _stream(project, binding, times)
    return {what: each[WARM:] for what, each in times.items()}


async def _timed[T](times: list[float], call: Awaitable[T]) -> T:
    started = time.perf_counter()
    answer = await call
    times.append(time.perf_counter() - started)
    return answer


async def _stream(project: Project, binding: str, times: Times) -> None:
    async with connected(project, project.agent_id, binding, streaming=True) as client:
        for _ in range(WARM + SAMPLES):
            await _one_stream(client, times)


async def _one_stream(client: A2AClient, times: Times) -> None:
    message = Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=[Part(text=QUESTION)])
    started = time.perf_counter()
    seen = [
        time.perf_counter() - started
        async for _ in client.sdk.send_message(SendMessageRequest(message=message))
    ]
    times["stream: its first event"].append(seen[0])
    times["stream: its end"].append(seen[-1])
