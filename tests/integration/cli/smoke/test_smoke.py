"""The smoke test on moto: which stacks it takes, and that it leaves nothing in tables, bucket and secrets."""

import io
import json
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import boto3
import httpx
import pytest
from rich.console import Console

from a2a_tasks.domain.usage import Usage
from a2a_tasks.wecom.connection_definition import parse_connection
from a2actl.deployment.stack import Stack
from a2actl.wecom.connections import apply_one
from a2actl.wecom.file import FoundConnection
from tests.integration.cli.gateway import Gateway
from tests.integration.cli.terminal import API_URL, STACK, stack_outputs
from tests.integration.support.account import Account
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.texts import incompressible
from tests.smoke import __main__ as command
from tests.smoke import leftovers
from tests.smoke.check import Failed, Outcome
from tests.smoke.leftovers import Removal
from tests.smoke.report import Report
from tests.smoke.runner import Runner
from tests.smoke.target import Target
from tests.smoke.tenant import PREFIX, Tenant, pong
from tests.smoke.time_limit import TimeLimit

PROJECT = f"{PREFIX}0a1b2c3d"


def deploy(account: Account, name: str = STACK, stage: str = "test", api_url: str = API_URL) -> None:
    """A stack with the account's tables as outputs, and a stage."""
    outputs = stack_outputs(account) | {"ApiUrl": api_url, "ApiId": "abc123"}
    template = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": stage}],
    )


@pytest.fixture
def target(gateway: Gateway, start: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch) -> Target:
    """A stack with the real API behind a port, and the real clean-up in place of the invocation of it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    cleanup = start("cleanup")
    monkeypatch.setattr(
        Target, "invoke", lambda *_: cleanup.handler(load_event("cleanup_schedule"), LambdaContext())
    )
    deploy(gateway.account, api_url=gateway.api_url)
    return Target.of(Stack(STACK))


def called(*arguments: str) -> tuple[int, str]:
    """The exit status of the command, and what it has printed."""
    printed = io.StringIO()
    return command.main(arguments, Report(Console(file=printed, width=200))), printed.getvalue()


def test_a_stack_that_does_not_exist_is_refused_in_words(account: Account) -> None:  # noqa: ARG001
    status, printed = called("--stack", "a2a-tasks-typo")
    assert status == command.FAULT
    assert "There is no stack 'a2a-tasks-typo' in eu-central-1" in printed


@pytest.mark.parametrize(("name", "stage"), [("a2a-tasks-prod", "main"), ("a2a-tasks-eu", "prod")])
def test_what_looks_like_production_is_only_taken_by_who_says_so(
    account: Account, name: str, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(account, name, stage)
    ran: list[str] = []

    def run(runner: Runner) -> list[Outcome]:
        ran.append(runner.target.name)
        return []

    monkeypatch.setattr(Runner, "run", run)

    status, printed = called("--stack", name)
    assert (status, ran) == (command.FAULT, [])
    assert "YES=1" in printed

    assert called("--stack", name, "--yes")[0] == 0
    assert ran == [name]


def test_a_removed_project_leaves_no_record_and_no_secret(target: Target, account: Account) -> None:
    before, kept = everything(account), account.secrets.list_secrets()["SecretList"]
    tenant = made(target, account)
    assert {"bucket", f"PROJECT#{PROJECT}"} <= {partition for partition, _ in everything(account)}

    assert removal(target, tenant).run() == []

    assert everything(account) == before
    names = [secret["Name"] for secret in account.secrets.list_secrets()["SecretList"]]
    assert names == [secret["Name"] for secret in kept]
    assert leftovers.projects(target) == []


def test_removing_again_is_harmless(target: Target, account: Account) -> None:
    tenant = made(target, account)
    for _ in range(2):
        assert removal(target, tenant).run() == []


def test_what_could_not_be_removed_is_named_and_found_again(
    target: Target, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = made(target, account)

    def unreachable(*_: Any) -> None:
        raise httpx.ConnectError("no route to the API")

    with monkeypatch.context() as broken:
        broken.setattr(Tenant, "tasks", unreachable)
        assert removal(target, tenant).run() == ["its tasks: no route to the API"]
    assert leftovers.projects(target) == [PROJECT], "the next clean-up finds it"
    monkeypatch.setattr(command, "restore_timeout", lambda _: None)  # moto has no worker here
    status, printed = called("--stack", STACK, "--clean")

    assert (status, leftovers.projects(target)) == (0, [])
    assert f"{PROJECT} was removed completely" in printed


def test_a_missing_resource_is_named(target: Target) -> None:
    with pytest.raises(Failed, match="the stack has no TasksDeadLetteredAlarm"):
        target.physical("TasksDeadLetteredAlarm")


def made(target: Target, account: Account) -> Tenant:
    """A run's project with all that a run keeps: tasks, payloads, a connection, secrets, what was spent."""
    tenant = Tenant.make(target, PROJECT)
    tenant.apply_agent()
    tenant.cancel(tenant.submit(pong()))
    tenant.cancel(tenant.submit(incompressible(50_000)))
    definition = parse_connection({"id": PROJECT, "kind": "bot", "agentId": tenant.agent_id})
    apply_one(target.deployment, FoundConnection("smoke", definition), PROJECT)
    account.spend.add_spend(PROJECT, "2026-01-01", Usage(1, 1, cost_usd=Decimal("0.1")))
    return tenant


def removal(target: Target, tenant: Tenant) -> Removal:
    return Removal(target, tenant.project_id, TimeLimit(5))


def everything(account: Account) -> list[tuple[str, str]]:
    """The keys of all items of both tables, and of all objects."""
    found = [
        (item["pk"]["S"], item["sk"]["S"])
        for table in ("RegistryTable", "TasksTable")
        for item in account.dynamodb.scan(TableName=account.resources[table])["Items"]
    ]
    listed = account.s3.list_objects_v2(Bucket=account.resources["PayloadBucket"])
    return sorted(found + [("bucket", entry["Key"]) for entry in listed.get("Contents", [])])
