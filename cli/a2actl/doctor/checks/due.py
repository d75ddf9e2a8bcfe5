"""Checks that the sweeper keeps up: no entry has been due for long."""

from collections.abc import Iterator

from a2a_tasks.adapters.dynamodb.slots import DUE_SHARD as LINES
from a2a_tasks.adapters.dynamodb.workers import DUE_SHARD as WORKERS
from a2a_tasks.domain.ids import SHARDS
from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target
from a2actl.terminal.duration import format_elapsed

SUBJECT = "Due"
LATE_SECONDS = 180
"""The sweeper runs every minute; an entry that has been due for longer was missed twice."""


def check_due(target: Target) -> Iterator[Finding]:
    partitions = [f"due#{shard}" for shard in range(SHARDS)] + [WORKERS, LINES]
    oldest = [due for name in partitions if (due := _oldest(target, name)) is not None]
    age = max((target.now - due) / 1000 for due in oldest) if oldest else 0
    if age > LATE_SECONDS:
        found = f"the oldest entry has been due for {format_elapsed(age)}: the sweeper does not run or lags"
        remedy = "Check the sweeper's schedule, errors and throttles."
        yield Finding.fault(SUBJECT, found, remedy, "runbook/sweeper.md")
    elif oldest:
        yield Finding.ok(SUBJECT, f"the oldest entry has been due for {format_elapsed(age)}")
    else:
        yield Finding.ok(SUBJECT, "no entry is overdue")


def _oldest(target: Target, partition: str) -> int | None:
    """Since when its oldest entry has been due."""
    answer = target.deployment.account.dynamodb().query(
        TableName=target.deployment.output("TasksTable"),
        IndexName="due",
        KeyConditionExpression="dueShard = :shard AND dueAt <= :now",
        ExpressionAttributeValues={":shard": {"S": partition}, ":now": {"N": str(target.now)}},
        Limit=1,
    )
    return int(answer["Items"][0]["dueAt"]["N"]) if answer["Items"] else None
