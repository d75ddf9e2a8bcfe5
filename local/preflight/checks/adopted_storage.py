"""Adopted tables, bucket and key exist and have what the stack needs."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from local.adoption.table import TableState
from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Adopted storage"
TABLES = {"TasksTable": "TASKS", "RegistryTable": "REGISTRY"}
"""With the variable of `make adopt`."""
GONE = {"ResourceNotFoundException", "NotFoundException", "404", "NoSuchBucket"}


def check_adopted_storage(target: Target, account: Account) -> Iterator[Finding]:
    given = target.parameters
    findings = [
        *(_table(name, given[f"{name}Arn"], target, account) for name in TABLES if given.get(f"{name}Arn")),
        *(_bucket(name, account) for name in [given.get("PayloadBucketName")] if name),
        *(_key(arn, account) for arn in [given.get("PushKeyArn")] if arn),
    ]
    yield from findings or [Finding.ok(SUBJECT, "none; the stack has its own")]


def _table(name: str, arn: str, target: Target, account: Account) -> Finding:
    region, table = arn.split(":")[3], arn.rpartition("/")[2]
    if region != account.region:
        return Finding.fault(
            SUBJECT,
            f"{arn} is in {region}, not in {account.region}",
            f"Set {name}Arn to a table in that region.",
        )
    try:
        state = TableState.read(account.client("dynamodb"), table)
    except ClientError as error:
        return _gone(error, f"there is no table {table}", f"Set {name}Arn to an existing table.")
    wanted = target.template["Resources"][name]["Properties"]
    if faults := list(state.faults(wanted)):
        remedy = "Restore it with all its indexes, and deploy the release that it belongs to first."
        return Finding.fault(SUBJECT, f"{table} {', and '.join(faults)}", remedy)
    if off := state.switched_off(wanted):
        return Finding.fault(
            SUBJECT, f"{table}: {', '.join(off)} is off", f"make adopt {TABLES[name]}={table}"
        )
    stream = target.parameters.get(f"{name}StreamArn")
    if stream and stream != state.stream_arn:
        return Finding.fault(
            SUBJECT, f"the stream of {table} is {state.stream_arn}", f"Set {name}StreamArn to that ARN."
        )
    return Finding.ok(SUBJECT, f"{table} has all that {name} needs")


def _bucket(name: str, account: Account) -> Finding:
    try:
        account.client("s3").head_bucket(Bucket=name)
    except ClientError as error:
        return _gone(error, f"there is no bucket {name}", "Set PayloadBucketName to an existing bucket.")
    return Finding.ok(SUBJECT, f"the bucket {name} exists")


def _key(arn: str, account: Account) -> Finding:
    try:
        state = account.client("kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
    except ClientError as error:
        return _gone(error, f"there is no key {arn}", "Set PushKeyArn to an existing key.")
    if state != "Enabled":
        remedy = f"aws kms cancel-key-deletion --key-id {arn}, then aws kms enable-key --key-id {arn}"
        return Finding.fault(SUBJECT, f"the key {arn} is {state}", remedy)
    return Finding.ok(SUBJECT, f"the key {arn} is enabled")


def _gone(error: ClientError, found: str, remedy: str) -> Finding:
    """Re-raises the error if it is any other."""
    if error.response["Error"]["Code"] not in GONE:
        raise error
    return Finding.fault(SUBJECT, found, remedy)
