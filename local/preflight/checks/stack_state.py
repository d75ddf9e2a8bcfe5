"""The stack can be created or updated."""

from collections.abc import Iterator

from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Stack"
UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    # a change set was created for a stack that does not exist yet
    "REVIEW_IN_PROGRESS",
}
# No update gets a stack out of these states, and none of its resources was ever in use.
NEVER_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}


def check_stack(target: Target, account: Account) -> Iterator[Finding]:
    if account.stack is None:
        yield Finding.ok(SUBJECT, f"{target.stack_name} does not exist yet and will be created")
        return
    status = account.stack.status
    found = f"{target.stack_name} is in the state {status}"
    if status in UPDATABLE:
        yield Finding.ok(SUBJECT, f"{target.stack_name} exists ({status}) and will be updated")
    elif status in NEVER_MADE:
        remedy = (
            f"The stack's events show the reason; then delete it: aws cloudformation delete-stack"
            f" --region {account.region} --stack-name {target.stack_name}"
        )
        yield Finding.fault(SUBJECT, found, remedy)
    elif status == "UPDATE_ROLLBACK_FAILED":
        remedy = (
            "Fix the cause that its events show, then: aws cloudformation continue-update-rollback"
            f" --region {account.region} --stack-name {target.stack_name}"
        )
        yield Finding.fault(SUBJECT, found, remedy)
    else:
        yield Finding.fault(SUBJECT, found, "Wait until the operation has ended, and try again.")
