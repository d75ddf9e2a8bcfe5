"""All checks, in display order."""

from collections.abc import Iterator
from dataclasses import replace

from local.policies.check import check_policies
from local.preflight.account import Account, AccountCheck, open_account
from local.preflight.checks.adopted_storage import check_adopted_storage
from local.preflight.checks.alarm_receiver import check_alarm_receiver
from local.preflight.checks.alarm_topic import check_alarm_topics
from local.preflight.checks.api_gateway import check_api_gateway
from local.preflight.checks.artifact_bucket import check_artifact_bucket
from local.preflight.checks.built_layers import check_built
from local.preflight.checks.claude import check_claude
from local.preflight.checks.concurrency import check_concurrency, check_pollers
from local.preflight.checks.domain import check_domain
from local.preflight.checks.free_names import check_free_names
from local.preflight.checks.parameters import check_parameters
from local.preflight.checks.sizes import check_sizes
from local.preflight.checks.snapstart import check_snapstart
from local.preflight.checks.stack_state import check_stack
from local.preflight.finding import Finding, State
from local.preflight.physical_names import check_physical_names
from local.preflight.target import Target
from local.tools import ROOT

BUILT = ROOT / ".aws-sam" / "build"
ACCOUNT_CHECKS = (
    AccountCheck("Stack", check_stack, "CloudFormation, Stacks"),
    AccountCheck("Free names", check_free_names, "the consoles of Lambda and CloudWatch"),
    AccountCheck("Adopted storage", check_adopted_storage, "the consoles of DynamoDB, S3 and KMS"),
    AccountCheck("Bucket for code", check_artifact_bucket, "the console of S3"),
    AccountCheck("Concurrency", check_concurrency, "Lambda, Dashboard, Account-level concurrency"),
    AccountCheck("API Gateway", check_api_gateway, "API Gateway, Settings"),
    AccountCheck("Alarms' topics", check_alarm_topics, "SNS, Topics"),
    AccountCheck("Claude", check_claude, "docs/deploy.md"),
    AccountCheck("Domain", check_domain, "ACM, Certificates, and API Gateway, Custom domain names"),
)


def check_offline(target: Target) -> Iterator[Finding]:
    """The checks that need neither an account nor a linter. If the parameters are wrong, they are the only
    findings."""
    parameters = list(check_parameters(target))
    yield from parameters
    if any(finding.state is State.FAULT for finding in parameters):
        return
    yield from check_alarm_receiver(target)
    yield from check_physical_names(target.template)
    yield from check_policies(target.template)
    yield from check_pollers(target)
    yield from check_snapstart(target)
    yield from check_sizes(target)
    yield from check_built(BUILT)


def check_account(target: Target) -> Iterator[Finding]:
    """The checks that need the account; without credentials, their absence is the only finding."""
    account, finding = open_account(target)
    yield finding
    if account is None:
        return
    yield from check_in(replace(target, region=account.region), account)


def check_in(target: Target, account: Account) -> Iterator[Finding]:
    for check in ACCOUNT_CHECKS:
        yield from check.findings(target, account)
