"""What the preflight finds without an account: every check passes what is right and finds what is not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.preflight.checks.alarm_receiver import check_alarm_receiver
from local.preflight.checks.built_layers import check_built
from local.preflight.checks.concurrency import Capacity, alarm_judged, check_pollers, judged
from local.preflight.checks.parameters import check_parameters
from local.preflight.checks.sizes import check_sizes
from local.preflight.checks.snapstart import check_snapstart
from local.preflight.finding import State
from local.preflight.physical_names import check_physical_names
from local.preflight.target import Target
from local.template.intrinsics import NotKnown, evaluated, holds
from tests.deployment_target import resource, states, target_of

NO_VALUE = {"Ref": "AWS::NoValue"}
PAGER = "arn:aws:sns:us-east-1:123456789012:pager"


def text(default: str = "", **rest: Any) -> dict[str, Any]:
    return {"Type": "String", "Default": default, **rest}


# ---------------------------------------------------------------- intrinsic functions


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Sub": "${Stage}-${!Kept}"}, "dev-${Kept}"),
        ({"Fn::Sub": ["${Own}/${Stage}", {"Own": {"Ref": "Stage"}}]}, "dev/dev"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-dev"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::FindInMap": ["Models", {"Ref": "Stage"}, "Opus"]}, "opus"),
        ([{"Fn::GetAtt": ["Queue", "Arn"]}], ["Queue.Arn"]),
    ],
)
def test_an_intrinsic_function_is_worked_out(value: Any, expected: Any) -> None:
    known = {"Stage": "dev"}

    assert (
        evaluated(value, lambda name: known.get(name, name), {"Models": {"dev": {"Opus": "opus"}}})
        == expected
    )


def test_what_is_not_understood_is_not_guessed() -> None:
    with pytest.raises(NotKnown, match="Fn::ImportValue"):
        evaluated({"Fn::ImportValue": "x"}, str, {})
    with pytest.raises(NotKnown, match="Fn::EachMemberIn"):
        holds({"Fn::EachMemberIn": [[], []]}, str, {})
    with pytest.raises(NotKnown, match="Missing"):
        target_of().value({"Ref": "Missing"})


def test_a_resource_is_there_only_under_its_condition() -> None:
    def target(stage: str) -> Target:
        queue = resource("AWS::SQS::Queue", DelaySeconds={"Fn::If": ["IsProd", 1, NO_VALUE]})
        made = resource("AWS::SNS::Topic") | {"Condition": "IsProd"}
        return target_of(
            {"Queue": queue, "Topic": made},
            {"Stage": stage},
            Conditions={"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        )

    assert target("dev").resources == {"Queue": resource("AWS::SQS::Queue")}
    assert target("prod").resources.keys() == {"Queue", "Topic"}


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("declaration", "value", "told"),
    [
        (text(AllowedValues=["on", "off"]), "maybe", "must be one of on, off"),
        (text(AllowedPattern="[a-z]+", ConstraintDescription="must be letters"), "A1", "must be letters"),
        ({"Type": "Number", "MinValue": 2}, "1", "must be at least 2"),
        ({"Type": "Number", "MaxValue": 10}, "11", "must be at most 10"),
        ({"Type": "Number"}, "many", "must be a number"),
    ],
)
def test_a_value_that_the_template_refuses_is_found_before_the_upload(
    declaration: dict[str, Any], value: str, told: str
) -> None:
    (finding,) = check_parameters(target_of(given={"Size": value}, Parameters={"Size": declaration}))

    assert finding.state is State.FAULT
    assert finding.found == f"Size={value}: {told}"
    assert "[dev.deploy.parameters]" in finding.remedy


def test_unknown_and_missing_parameters_are_named() -> None:
    findings = list(check_parameters(target_of(given={"Sise": "1"}, Parameters={"Size": {"Type": "Number"}})))

    assert [finding.found for finding in findings] == [
        "the template has no parameter Sise",
        "Size has no value",
    ]


def test_a_rule_of_the_template_that_would_stop_the_deployment_is_told() -> None:
    rule = {
        "RuleCondition": {"Fn::Equals": [{"Ref": "Loopback"}, "true"]},
        "Assertions": [
            {"Assert": {"Fn::Equals": [{"Ref": "Stage"}, "local"]}, "AssertDescription": "Loopback is local."}
        ],
    }

    def check(stage: str) -> list[State]:
        declared = {"Stage": text(), "Loopback": text("true")}
        target = target_of(given={"Stage": stage}, Parameters=declared, Rules={"Loopback": rule})
        return states(list(check_parameters(target)))

    assert check("dev") == [State.FAULT]
    assert check("local") == [State.OK]


# ---------------------------------------------------------------- names

OWN = {"Fn::Sub": "${AWS::StackName}-x"}


@pytest.mark.parametrize(
    "item",
    [
        resource("AWS::Lambda::Function", FunctionName="worker"),
        resource("AWS::Scheduler::Schedule", Name={"Ref": "Stage"}),
        resource("AWS::SQS::Queue", QueueName={"Fn::Sub": "${Stage}-tasks"}),
        resource("AWS::SNS::Topic", TopicName="alarms"),
        resource("AWS::Lambda::LayerVersion", LayerName="CoreLayer"),
        resource("AWS::CloudWatch::Dashboard", DashboardName=OWN),
        resource("AWS::IAM::Role", RoleName=OWN),
    ],
    ids=lambda item: item["Type"],
)
def test_a_name_that_two_stacks_or_regions_would_share_is_found(item: dict[str, Any]) -> None:
    (finding,) = check_physical_names({"Resources": {"It": item}})

    assert finding.state is State.FAULT
    assert finding.found.startswith("It has the same name in every")


def test_an_export_that_two_stacks_would_share_is_found() -> None:
    outputs = {"ApiUrl": {"Export": {"Name": "api"}}, "Own": {"Export": {"Name": OWN}}, "Other": {}}

    (finding,) = check_physical_names({"Resources": {}, "Outputs": outputs})

    assert finding.found.startswith("ApiUrl has the same name in every stack")


@pytest.mark.parametrize(
    "item",
    [
        resource("AWS::Lambda::Function", FunctionName=OWN),
        resource("AWS::Lambda::Function", Description="without a name"),
        resource("AWS::CloudWatch::Dashboard", DashboardName={"Fn::Sub": "${AWS::StackName}-${AWS::Region}"}),
        resource("AWS::ApiGateway::Stage", StageName="dev"),
        resource("AWS::Lambda::Permission", FunctionName={"Ref": "Worker"}),
    ],
    ids=lambda item: item["Type"],
)
def test_a_name_of_the_stacks_own_is_right(item: dict[str, Any]) -> None:
    assert states(list(check_physical_names({"Resources": {"It": item}}))) == [State.OK]


# ---------------------------------------------------------------- sizes


def test_variables_beyond_4_kb_are_found_with_the_parameters_that_are_given() -> None:
    function = resource("AWS::Lambda::Function", Environment={"Variables": {"PRICES": {"Ref": "Prices"}}})

    def check(prices: str) -> list[str]:
        target = target_of({"Worker": function}, {"Prices": prices}, Parameters={"Prices": text()})
        return [f.found for f in check_sizes(target) if f.state is State.FAULT]

    assert check("x" * 4_090) == []
    assert check("x" * 4_091) == ["Worker's environment variables: 4,097 of at most 4,096 bytes"]


def test_a_roles_policies_count_together_without_white_space() -> None:
    def role(length: int) -> Target:
        policy = {"PolicyName": "calls", "PolicyDocument": {"Statement": [{"Action": "s3:" + "x" * length}]}}
        attached = resource(
            "AWS::IAM::Policy",
            PolicyName="more",
            PolicyDocument={"Statement": [{"Action": "s3:" + "x" * 5_000}]},
            Roles=[{"Ref": "Role"}],
        )
        made = resource("AWS::IAM::Role", AssumeRolePolicyDocument={}, Policies=[policy])
        return target_of({"Role": made, "More": attached})

    assert states(list(check_sizes(role(5_000)))) == [State.OK]
    (finding,) = check_sizes(role(5_300))
    assert "Role's policies" in finding.found


def test_counts_beyond_cloudformations_are_found() -> None:
    many = {f"Topic{number}": resource("AWS::SNS::Topic") for number in range(501)}

    (finding,) = check_sizes(target_of(many))

    assert finding.found == "the template: 501 of at most 500 resources"


def test_a_stack_name_that_makes_a_functions_name_too_long_is_found() -> None:
    function = resource("AWS::Lambda::Function", FunctionName={"Fn::Sub": "${AWS::StackName}-wecom-sender"})

    (finding,) = check_sizes(target_of({"It": function}, stack_name="a" * 60))

    assert finding.remedy == "Choose a shorter stack_name in samconfig.toml."


def test_a_function_and_its_layers_together_may_not_be_too_large(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        "Globals: {Function: {Layers: [!Ref Core]}}\n"
        "Resources:\n"
        "  Worker: {Type: AWS::Serverless::Function, Properties: {Layers: [!Ref Claude]}}\n"
        "  Core: {Type: AWS::Serverless::LayerVersion}\n"
        "  Claude: {Type: AWS::Serverless::LayerVersion}\n"
    )
    for name, megabytes in (("Worker", 1), ("Core", 100), ("Claude", 149)):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "content").open("wb") as file:
            file.truncate(megabytes * 1024 * 1024)

    assert states(list(check_built(tmp_path))) == [State.OK]
    (tmp_path / "Core" / "more").write_bytes(b"x")
    assert states(list(check_built(tmp_path))) == [State.FAULT]


def test_what_was_not_built_is_not_measured(tmp_path: Path) -> None:
    assert list(check_built(tmp_path)) == []


# ---------------------------------------------------------------- what only the operator knows


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"Stage": "prod"}, "AlarmEmail"),
        ({"Stage": "prod", "TicketEmail": "team@example.com"}, "AlarmEmail"),
        ({"Stage": "prod", "AlarmTopicArn": PAGER}, "TicketEmail"),
        ({"Stage": "prod", "AlarmTopicArn": PAGER, "TicketEmail": "team@example.com"}, None),
        ({"Stage": "prod", "AlarmTopicArn": PAGER, "TicketTopicArn": PAGER}, None),
        ({"Stage": "prod", "AlarmEmail": "on-call@example.com"}, None),
        ({"Stage": "dev"}, None),
    ],
)
def test_production_has_somebody_who_is_told_of_alarms(given: dict[str, str], missing: str | None) -> None:
    (finding,) = check_alarm_receiver(target_of(given=given))

    assert finding.state is (State.NEEDS_OPERATOR if missing else State.OK)
    if missing:
        topic = missing.replace("Email", "TopicArn")
        assert f'"{missing}=you@example.com" or "{topic}=arn:aws:sns:…"' in finding.remedy


# ---------------------------------------------------------------- concurrency


def worker(reserved: int | None, most: int, queues: int = 1) -> Target:
    """With so many queues that each bring the most."""
    kept = {} if reserved is None else {"ReservedConcurrentExecutions": reserved}
    mapping = resource(
        "AWS::Lambda::EventSourceMapping",
        FunctionName={"Ref": "Worker"},
        ScalingConfig={"MaximumConcurrency": {"Ref": "Most"}},
    )
    parameters = {"Most": {"Type": "Number", "Default": most}}
    mappings = {f"It{n}": mapping for n in range(queues)}
    return target_of({"Worker": resource("AWS::Lambda::Function", **kept)} | mappings, Parameters=parameters)


@pytest.mark.parametrize(
    ("target", "capacity", "expected"),
    [
        # an account as usual
        (worker(None, 50), Capacity(1_000, 1_000, 0), State.OK),
        (worker(50, 50), Capacity(1_000, 1_000, 0), State.OK),
        # a new account
        (worker(None, 10), Capacity(10, 10, 0), State.WARNING),
        (worker(2, 2), Capacity(10, 10, 0), State.FAULT),
        # the last one that AWS lets go, and the first that it does not
        (worker(900, 2), Capacity(1_000, 1_000, 0), State.OK),
        (worker(901, 2), Capacity(1_000, 1_000, 0), State.FAULT),
        # other stacks have reserved the most
        (worker(50, 50), Capacity(1_000, 149, 0), State.FAULT),
        # what this stack has reserved already it may keep
        (worker(50, 50), Capacity(1_000, 100, 50), State.OK),
        (worker(None, 950), Capacity(1_000, 1_000, 0), State.WARNING),
    ],
)
def test_what_the_environment_runs_at_a_time_fits_the_account(
    target: Target, capacity: Capacity, expected: State
) -> None:
    (finding,) = judged(target, capacity)

    assert finding.state is expected
    assert (State.OK is expected) or "L-B99A9384" in finding.remedy


def test_the_alarm_on_the_accounts_concurrency_knows_its_limit() -> None:
    def found(told: str) -> list[State]:
        return states(list(alarm_judged(target_of(given={"AccountConcurrency": told}), Capacity(10, 10, 0))))

    assert found("10") == []
    assert found("1000") == [State.WARNING]


def test_a_function_reserves_no_less_than_its_queues_bring() -> None:
    assert states(list(check_pollers(worker(99, 50, queues=2)))) == [State.FAULT]
    assert states(list(check_pollers(worker(100, 50, queues=2)))) == [State.OK]
    assert states(list(check_pollers(worker(49, 50)))) == [State.FAULT]
    assert states(list(check_pollers(worker(50, 50)))) == [State.OK]
    assert states(list(check_pollers(worker(None, 50)))) == [State.OK]


# ---------------------------------------------------------------- SnapStart


def copied(region: str = "us-east-1", apply_on: str = "PublishedVersions", **more: Any) -> Target:
    settings = {"Runtime": "python3.13", "MemorySize": 1024, "SnapStart": {"ApplyOn": apply_on}} | more
    return replace(target_of({"Worker": resource("AWS::Lambda::Function", **settings)}), region=region)


def test_the_price_of_snapshots_is_told_before_they_are_made() -> None:
    (finding,) = check_snapstart(copied())

    assert finding.state is State.OK
    # 1 GB: 0.0000015046 USD x 2,592,000 s, and 0.0001397998 USD x 1,000,000
    assert "3.90 USD a month" in finding.found
    assert "a million starts 140 USD" in finding.found
    assert not list(check_snapstart(copied(apply_on="None")))


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (copied(region="ap-east-2"), "ap-east-2 does not have it"),
        (copied(Runtime="python3.11"), "the runtime python3.11"),
        (copied(EphemeralStorage={"Size": 1024}), "more than 512 MB in /tmp"),
        (copied(FileSystemConfigs=[{"Arn": "arn"}]), "a file system"),
        (
            copied(Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/streaming-runtime"}}),
            "does not run the hooks",
        ),
    ],
)
def test_what_goes_not_together_with_snapstart_stops_a_deployment(target: Target, problem: str) -> None:
    (finding,) = check_snapstart(target)

    assert finding.state is State.FAULT
    assert problem in finding.found
    assert "SnapStart=off" in finding.remedy


@pytest.mark.parametrize(("tasks", "state"), [("45", State.OK), ("46", State.FAULT)])
def test_files_of_a_workers_tasks_fit_beside_snapstart(tasks: str, state: State) -> None:
    (finding,) = check_snapstart(replace(copied(), given={"WorkerTasks": tasks}))

    assert finding.state is state
