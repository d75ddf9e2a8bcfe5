"""The names that the deployment needs are free, or already its own."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.physical_names import names_wanted
from local.preflight.target import Target

SUBJECT = "Free names"
# Stacks add versions to a layer of the same name, so it need not be free.
SHARED = {"AWS::Lambda::LayerVersion"}


def check_free_names(target: Target, account: Account) -> Iterator[Finding]:
    wanted = [named for named in names_wanted(target) if named.kind not in SHARED]
    taken = 0
    for named in wanted:
        if account.owns(named.name):
            continue
        what = named.kind.removeprefix("AWS::").replace("::", " ")
        if named.kind not in READERS:
            found = f"whether {what} {named.name} is free was not checked"
            yield Finding.warning(SUBJECT, found, "Check in that service's console.")
        elif READERS[named.kind](account, named.name):
            taken += 1
            found = f"{what} {named.name} exists and does not belong to the stack {target.stack_name}"
            remedy = "Delete it if it is left over, or choose another stack_name in samconfig.toml."
            yield Finding.fault(SUBJECT, found, remedy)
    if not taken:
        yield Finding.ok(SUBJECT, f"all {len(wanted)} are free or belong to the stack")


def _is_function(account: Account, name: str) -> bool:
    client = account.client("lambda")
    return _answers(lambda: client.get_function_configuration(FunctionName=name))


def _is_log_group(account: Account, name: str) -> bool:
    # sorted by name, so that an exact match comes before names that it is a prefix of
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix=name, limit=1)["logGroups"]
    return any(group["logGroupName"] == name for group in groups)


def _is_dashboard(account: Account, name: str) -> bool:
    client = account.client("cloudwatch")
    return _answers(lambda: client.get_dashboard(DashboardName=name))


def _is_schedule(account: Account, name: str) -> bool:
    client = account.client("scheduler")
    return _answers(lambda: client.get_schedule(Name=name))


def _is_secret(account: Account, name: str) -> bool:
    """Also true of one that is scheduled for deletion: its name is taken until then."""
    client = account.client("secretsmanager")
    return _answers(lambda: client.describe_secret(SecretId=name))


def _answers(call: Callable[[], Any]) -> bool:
    """Whether the resource exists."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ResourceNotFoundException", "ResourceNotFound"}:
            return False
        raise
    return True


READERS: dict[str, Callable[[Account, str], bool]] = {
    "AWS::Lambda::Function": _is_function,
    "AWS::Logs::LogGroup": _is_log_group,
    "AWS::CloudWatch::Dashboard": _is_dashboard,
    "AWS::Scheduler::Schedule": _is_schedule,
    "AWS::SecretsManager::Secret": _is_secret,
}
