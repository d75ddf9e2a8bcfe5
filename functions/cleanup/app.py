"""Cleanup: every hour, deletes what is past its retention."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb_contexts import DynamoDBContexts
from a2a_tasks.adapters.dynamodb_tasks import DynamoDBTaskStore
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.s3_payloads import S3Payloads
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.adapters.telemetry import PowertoolsTelemetry
from a2a_tasks.domain.task import LONGEST_LIFE_MS
from a2a_tasks.services.cleanup import Cleaner

RESERVE_MS = 10_000
DAY_MS = 24 * 3_600_000

logger = Logger()
telemetry = PowertoolsTelemetry(logger)
_dynamodb, _table = clients.dynamodb(), environment.text("TASKS_TABLE")
_kept_ms = environment.retention_ms() + LONGEST_LIFE_MS
cleaner = Cleaner(
    store=DynamoDBTaskStore(_dynamodb, _table),
    contexts=DynamoDBContexts(_dynamodb, _table, _kept_ms),
    payloads=S3Payloads(Lazy(clients.s3), environment.text("PAYLOAD_BUCKET")),
    clock=SystemClock(),
    telemetry=telemetry,
    orphan_after_ms=_kept_ms + DAY_MS,
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    report = cleaner.clean(lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
    telemetry.event("clean-up done", **asdict(report))
    telemetry.flush()
    return asdict(report)
