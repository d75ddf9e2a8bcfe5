"""Checks that the stack's last update has finished, and that it has this release's outputs."""

from collections.abc import Iterator

from a2actl.dead_letters.queues import ALL
from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target

SUBJECT = "Stack"
PAGE = "deploy.md"
NEEDED = (
    "ApiUrl",
    "TasksTable",
    "RegistryTable",
    "PayloadBucket",
    "TaskQueueUrl",
    "UrgentTaskQueueUrl",
    "DirectTaskQueueUrl",
    "NotificationQueueUrl",
    "WecomQueueUrl",
    "ClaudeApiKeySecretArn",
    "WorkerFunctionName",
    *(letters.output for letters in ALL.values()),
)
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
GOING_BACK = ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")


def check_stack(target: Target) -> Iterator[Finding]:
    yield _status(target)
    missing = [name for name in NEEDED if name not in target.deployment.outputs]
    if missing:
        found = f"outputs are missing: {', '.join(missing)}"
        yield Finding.fault(
            SUBJECT, found, "Deploy this release, or use the a2actl of the deployed release.", PAGE
        )


def _status(target: Target) -> Finding:
    status = target.status
    if status in GOOD:
        return Finding.ok(SUBJECT, f"{status}, {len(target.resources)} resources")
    if status in GOING_BACK:
        found = f"{status}: the last deployment failed, and the previous release is running"
        return Finding.warning(
            SUBJECT, found, "The stack's events in CloudFormation show why; deploy again.", PAGE
        )
    if status.endswith("_IN_PROGRESS"):
        return Finding.warning(
            SUBJECT, f"{status}: a deployment is in progress", "Run the check again when it has finished."
        )
    remedy = "The stack's events in CloudFormation show why; then deploy again, or let it roll back."
    return Finding.fault(SUBJECT, status, remedy, PAGE)
