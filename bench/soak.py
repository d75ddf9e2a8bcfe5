"""A soak: mixed tasks while a random worker is killed every 15 seconds, on the local stack.

`make soak TASKS=10000` runs this many tasks, and also kills processes of the API and breaks connections to
AWS. It always ends: submission stops after ``MOST_SECONDS``, and from then on every task has
``PATIENCE_SECONDS``.
"""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

from a2a_tasks.domain.ids import SHARDS
from bench.fault_injection import FaultInjection
from bench.report import console, step
from bench.soak_result import SoakResult
from local.deployed import Deployed, Project

TASKS, KILLS = 400, 8
LIVE = 400
"""The limit of tasks that have not ended; at the limit nothing is submitted."""
CALLERS = 8
PATIENCE_SECONDS = 300
MOST_SECONDS = 2_700
POLL_SECONDS = 2
TOLD_SECONDS = 30
SEED = 13
KINDS = (
    "say=answer; delay=2",
    'tool=Glob:{"pattern": "*"}; delay=1 | say=answer; delay=2',
    'tool=Glob:{"pattern": "*"} | tool=Glob:{"pattern": "*.md"}; delay=1 | say=answer',
    "err=529; once | say=answer; delay=1",
    "drop; once | say=answer; delay=1",
)
AGENT = {
    "id": "soak",
    "name": "Soak",
    "systemPrompt": "You use tools.",
    "maxConcurrentTasks": 50,
    "timeoutMs": 900_000,
    "maxAttempts": 10,  # a killed worker costs one attempt, and that may by chance happen to a task twice
    "allowedTools": ["Glob"],
}


def asked() -> int | None:
    """The number of tasks of `make soak TASKS=…`; None if it is not set. Raises ``SystemExit`` if it is not a
    number."""
    text = os.environ.get("SOAK_TASKS", "")
    if text and not (text.isdecimal() and int(text)):
        raise SystemExit(f"TASKS={text}: expected a positive whole number of tasks.")
    return int(text) if text else None


def run(project: Project) -> None:
    """Print the table. Raises ``SystemExit`` if a promise was not kept."""
    agent_id = project.apply(AGENT)
    count, is_all = asked() or TASKS, asked() is not None
    faults = FaultInjection(project.deployed, random.Random(SEED), is_all)  # noqa: S311  chance that repeats itself
    started_at = time.time()
    with step(f"{count} tasks, while workers are killed"), faults.running(KILLS):
        accepted = _submit_all(project, agent_id, count, started_at + MOST_SECONDS)
    with step("Wait for the last task"):
        _wait(project.deployed, time.time() + PATIENCE_SECONDS)
    turns = [call for call in project.deployed.calls("soak-") if call.outcome == "completed"]
    result = SoakResult(count, accepted, list(project.tasks(agent_id)), turns, faults, started_at)
    result.print()
    if result.broken:
        raise SystemExit(f"{result.broken}.")


def _submit_all(project: Project, agent_id: str, count: int, until: float) -> list[str]:
    """The ids of the accepted tasks, as many as there was time for."""
    accepted: list[str] = []
    told_at = time.time()
    with ThreadPoolExecutor(CALLERS) as pool:
        while len(accepted) < count and time.time() < until:
            live = _live(project.deployed)
            first, room = len(accepted), min(LIVE - live, count - len(accepted))
            accepted += pool.map(lambda n: _submit(project, agent_id, n), range(first, first + room))
            if time.time() - told_at > TOLD_SECONDS:
                told_at = time.time()
                console.print(f"  {len(accepted)} accepted, {len(accepted) - live} ended")
            if room <= 0:
                time.sleep(POLL_SECONDS)
    return accepted


def _submit(project: Project, agent_id: str, number: int) -> str:
    """A task's id; retried until there is a response, as a caller does."""
    body = {"message": f"[[standin: {KINDS[number % len(KINDS)]}]] soak-{number}-"}
    key = {"Idempotency-Key": f"soak-{number}"}
    answer = project.request_with_retries(
        "POST", f"/a2a/{agent_id}/tasks", PATIENCE_SECONDS, json=body, headers=key
    )
    task_id: str = answer.raise_for_status().json()["taskId"]
    return task_id


def _wait(deployed: Deployed, until: float) -> None:
    """Wait until every task has ended, up to the limit."""
    while _live(deployed) and time.time() < until:
        time.sleep(POLL_SECONDS)


def _live(deployed: Deployed) -> int:
    """How many tasks have not ended: counting due tasks costs a busy stack less than polling each one."""
    dynamodb, count = deployed.client("dynamodb"), 0
    for shard in range(SHARDS):
        count += dynamodb.query(
            TableName=deployed.outputs["TasksTable"],
            IndexName="due",
            KeyConditionExpression="dueShard = :shard",
            ExpressionAttributeValues={":shard": {"S": f"due#{shard}"}},
            Select="COUNT",
        )["Count"]
    return count
