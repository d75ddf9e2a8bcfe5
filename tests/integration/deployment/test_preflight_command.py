"""`make preflight` and `make template` on the repository's own template and environments."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local.preflight import command
from local.preflight.checklist import check_offline
from local.preflight.checks import lint
from local.preflight.checks.free_names import READERS, SHARED
from local.preflight.command import preflight
from local.preflight.finding import State
from local.preflight.physical_names import names_wanted
from local.preflight.target import Target
from local.template import linters, samconfig
from local.template.linters import run_cfn_lint, run_checkov
from local.template.samconfig import environments
from tests.deployment_target import resource


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator without AWS credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def told(terminal: Console) -> str:
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


@pytest.mark.parametrize("environment", environments())
def test_every_environment_is_ready_but_for_what_only_the_operator_knows(environment: str) -> None:
    findings = list(check_offline(Target.of_environment(environment)))

    assert [item for item in findings if item.state in {State.FAULT, State.WARNING}] == []
    left = [item.subject for item in findings if item.state is State.NEEDS_OPERATOR]
    assert left == (["Alarms' receiver"] if environment == "prod" else [])


@pytest.mark.usefixtures("nobody")
def test_production_without_a_receiver_of_alarms_passes_ci_and_is_not_deployed(terminal: Console) -> None:
    assert preflight("prod", terminal, offline=True) == 0
    assert preflight("prod", terminal, offline=False) == 1
    assert '? Alarms\' receiver: Add "AlarmEmail=you@example.com" or' in told(terminal)


@pytest.mark.usefixtures("nobody")
def test_without_credentials_nothing_is_deployed(terminal: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "run_cfn_lint", lambda _: [])

    assert preflight("dev", terminal, offline=False) == 1
    assert "✗ Account: Sign in" in told(terminal)


@pytest.mark.usefixtures("nobody")
def test_wrong_parameters_are_told_alone(
    terminal: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mistaken = samconfig.PATH.read_text().replace("RetentionDays=30", "RetentionDays=31")
    monkeypatch.setattr(samconfig, "PATH", tmp_path / "samconfig.toml")
    samconfig.PATH.write_text(mistaken)

    assert preflight("prod", terminal, offline=False) == 1
    assert "RetentionDays=31: must be one of 1, 3, 7" in told(terminal)
    assert "Account" not in told(terminal)


def test_every_name_that_a_deployment_takes_is_looked_for() -> None:
    kinds = {named.kind for named in names_wanted(Target.of_environment("prod"))}

    assert kinds - SHARED <= READERS.keys()


def optional(value: Any, condition: str = "HasA") -> dict[str, Any]:
    return {"Fn::If": [condition, value, {"Ref": "AWS::NoValue"}]}


def policy(name: Any, **rest: Any) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": []}
    made = resource("AWS::IAM::Policy", PolicyName=name, PolicyDocument=document, Roles=["r"])
    return made | rest


def test_cfn_lint_finds_what_aws_would_refuse_under_some_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linters, "read_suppressions", lambda _: [])
    has_a = {"Fn::Not": [{"Fn::Equals": [{"Ref": "A"}, ""]}]}
    queues = resource("AWS::Lambda::EventSourceMapping", FunctionName="f", Queues=[optional("q")])
    deep = resource(
        "AWS::Scheduler::Schedule",
        FlexibleTimeWindow={"Mode": "OFF"},
        ScheduleExpression="rate(1 hour)",
        Target={"Arn": {"Ref": "A"}, "RoleArn": optional({"Ref": "A"})},
    )
    template = {
        "Parameters": {"A": {"Type": "String", "Default": ""}},
        "Conditions": {"HasA": has_a, "HasNoA": {"Fn::Not": [{"Condition": "HasA"}]}},
        "Resources": {
            "Always": resource("AWS::SQS::Queue", DelaySeconds=901),
            "Missing": policy(optional("x")),
            "Deep": deep,
            "Emptied": queues,
            # a name only where the policy is made, and one name or the other
            "MadeWithIt": policy(optional("x"), Condition="HasA"),
            "OneOfTwo": policy({"Fn::If": ["HasA", "x", optional("y", "HasNoA")]}),
        },
    }

    errors = [complaint for complaint in run_cfn_lint(template, tmp_path) if "(cfn-lint E" in complaint]

    assert sorted(errors) == [
        "Always: 901 is greater than the maximum of 900 (cfn-lint E3034)",
        "Deep: 'RoleArn' is a required property (cfn-lint E3003)",
        "Emptied: expected minimum item count: 1, found: 0 (cfn-lint E3032)",
        "Missing: 'PolicyName' is a required property (cfn-lint E3003)",
    ]


def test_checkov_finds_what_is_not_safe_and_entries_that_are_stale(tmp_path: Path) -> None:
    template = {"Resources": {"Bucket": resource("AWS::S3::Bucket")}}

    complaints = run_checkov(template, tmp_path)

    assert any(item.startswith("Bucket: ") and "public" in item.lower() for item in complaints)
    assert any("nothing breaks checkov CKV_AWS_27 at *Queue" in item for item in complaints)


def test_a_template_that_is_not_in_order_fails(terminal: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "run_cfn_lint", lambda _: [])
    monkeypatch.setattr(command, "run_checkov", lambda _: ["TaskQueue: not encrypted"])

    assert command.check_template(terminal) == 1
    assert "TaskQueue: not encrypted" in told(terminal)
