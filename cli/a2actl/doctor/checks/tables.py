"""Checks that the tables and their indexes exist, expire old items, and can be restored."""

from collections.abc import Iterator
from typing import Any

from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target

TASKS = "TasksTable"
INDEXES = {TASKS: ("due", "list", "pending", "retention"), "RegistryTable": ()}
RESTORE, THROTTLED = "restore.md", "runbook/tables-throttled.md"


def check_tables(target: Target) -> Iterator[Finding]:
    for logical_id, indexes in INDEXES.items():
        subject, name = f"Table {logical_id}", target.deployment.output(logical_id)
        client: Any = target.deployment.account.dynamodb()
        table = client.describe_table(TableName=name)["Table"]
        yield _state(subject, table, indexes)
        if logical_id == TASKS:
            yield _stream(subject, table)
        if target.is_local:  # the emulator expires nothing, and keeps no backups
            continue
        if logical_id == TASKS:
            yield _time_to_live(subject, name, client.describe_time_to_live(TableName=name))
        backups = client.describe_continuous_backups(TableName=name)
        yield _backups(subject, backups["ContinuousBackupsDescription"])
        yield _protection(subject, table, is_production=target.is_production)


def _state(subject: str, table: Any, indexes: tuple[str, ...]) -> Finding:
    states = {"the table": table["TableStatus"]}
    states |= {
        f"index {index['IndexName']}": index.get("IndexStatus", "ACTIVE")
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    missing = [name for name in indexes if f"index {name}" not in states]
    if missing:
        found = f"indexes are missing: {', '.join(missing)}"
        return Finding.fault(subject, found, "Deploy this release: it adds them.", "deploy.md")
    others = [f"{name} is {state}" for name, state in states.items() if state != "ACTIVE"]
    if others:
        remedy = "Wait until DynamoDB has finished; creating an index takes minutes to hours."
        return Finding.warning(subject, ", ".join(others), remedy)
    with_indexes = f", with {len(indexes)} indexes" if indexes else ""
    return Finding.ok(subject, f"active{with_indexes}")


def _time_to_live(subject: str, name: str, answer: Any) -> Finding:
    status = answer["TimeToLiveDescription"]
    if status.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") and status.get("AttributeName") == "ttl":
        return Finding.ok(subject, "old items expire (ttl)")
    found = "old items do not expire: time to live is off, as after a restore"
    remedy = "aws dynamodb update-time-to-live --time-to-live-specification Enabled=true,AttributeName=ttl"
    return Finding.fault(subject, found, f"{remedy} --table-name {name}", RESTORE)


def _stream(subject: str, table: Any) -> Finding:
    view = table.get("StreamSpecification", {})
    if view.get("StreamEnabled") and view.get("StreamViewType") == "NEW_AND_OLD_IMAGES":
        return Finding.ok(subject, "changes are sent (stream)")
    found = "changes are not sent: the stream is off, as after a restore"
    return Finding.fault(subject, found, "Deploy again, or enable it as the page describes.", RESTORE)


def _backups(subject: str, description: Any) -> Finding:
    status = description.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if status == "ENABLED":
        return Finding.ok(subject, "can be restored to any point in time (PITR)")
    found = "cannot be restored: point-in-time recovery is off, as after a restore"
    return Finding.fault(subject, found, "Deploy again, or enable it as the page describes.", RESTORE)


def _protection(subject: str, table: Any, *, is_production: bool) -> Finding:
    if table.get("DeletionProtectionEnabled"):
        return Finding.ok(subject, "deletion protection is on")
    if not is_production:
        return Finding.ok(subject, "deletion protection is off, as it may be outside production")
    return Finding.warning(
        subject, "deletion protection is off", "Deploy with DeletionProtection=true.", RESTORE
    )
