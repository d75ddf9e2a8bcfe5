"""Submission of tasks, by the API for its callers and by the worker for its agents."""

import json

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.adapters import environment
from a2a_tasks.adapters.dynamodb.batch_line import DynamoDBBatchLine
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBSpend
from a2a_tasks.adapters.dynamodb.tasks.reservations import DynamoDBReservations
from a2a_tasks.adapters.telemetry.span_outlet import recorded_share
from a2a_tasks.domain.agents.backend import HAS_BATCHES, Backend
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.tasks.notify_targets import GroupPolicy, NoGroups, NoPush, PushPolicy
from a2a_tasks.tasks.submission import Submitter
from a2a_tasks.wiring.tasks import TaskWiring


def submitter_of_function(
    tasks: TaskWiring,
    payloads: PayloadStore,
    push: PushPolicy | None = None,
    groups: GroupPolicy | None = None,
) -> Submitter:
    """The submitter. Without ``push`` and ``groups`` its tasks notify nobody. Raises ``Misconfigured``."""
    return Submitter(
        store=tasks.store,
        registry=tasks.registry,
        payloads=payloads,
        queue=tasks.queue,
        slots=tasks.slots,
        contexts=tasks.contexts,
        batches=DynamoDBBatchLine(tasks.dynamodb, tasks.table),
        reservations=DynamoDBReservations(tasks.dynamodb, tasks.table),
        budgets=DailyBudgets(DynamoDBSpend(tasks.dynamodb, tasks.table), tasks.registry, tasks.clock),
        push=push or NoPush(),
        clock=tasks.clock,
        entropy=tasks.entropy,
        telemetry=tasks.telemetry,
        aliases=json.loads(environment.text("MODEL_ALIASES")),
        max_attempts=environment.integer("MAX_ATTEMPTS"),
        max_timeout_ms=environment.integer("MAX_TIMEOUT_MS"),
        groups=groups or NoGroups(),
        has_batches=Backend(environment.text("CLAUDE_BACKEND")) in HAS_BATCHES,
        recorded_share=recorded_share(),
    )
