"""What CloudFormation deploys: SAM adds names, resources and permissions to what template.yaml says.

Each rule is tested twice, as in tests/unit/repository/test_template.py: the template keeps it, and a mistake
breaks it.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.builds.release import VARIABLE
from local.template.transformed import TEMPLATE, transformed
from local.tools import ToolError
from tests.cloudformation import (
    Rule,
    Template,
    as_list,
    change,
    drop,
    functions_in,
    of_type,
    properties,
    referenced,
    walk,
)

PUBLIC = {
    "/health",
    "/docs",
    "/console",
    "/console/{version}/{name}",
    "/a2a/{agentId}/.well-known/agent-card.json",
    "/a2a/{agentId}/v0.3/.well-known/agent-card.json",
    "/a2a/{agentId}/v0.3/.well-known/agent.json",
    "/wecom/{connectionId}/callback",
}
"""Routes that take no key."""
ALIAS = "live"
SCHEDULED = {"SweeperFunction": 60, "BatcherFunction": 60, "CleanupFunction": 3_600}
"""Seconds from one call to the next."""


# ---------------------------------------------------------------- reading


def routes(template: Template) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and definition of each route."""
    for api in of_type(template, "AWS::ApiGateway::RestApi").values():
        for path, methods in api["Body"]["paths"].items():
            for method, definition in methods.items():
                yield path, method.upper(), definition


def takes_no_key(definition: Mapping[str, Any]) -> bool:
    return not any(name != "NONE" for way in definition.get("security", []) for name in way)


def settings(template: Template) -> dict[tuple[str, str], dict[str, Any]]:
    """The stage's settings by path and method."""
    (stage,) = of_type(template, "AWS::ApiGateway::Stage").values()
    return {
        (item["ResourcePath"].removeprefix("/").replace("~1", "/"), item["HttpMethod"]): item
        for item in stage["MethodSettings"]
    }


def may(template: Template, function: str, action: str) -> set[str]:
    """The resources on which a function may do something."""
    role = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0]
    policies = list(template["Resources"][role]["Properties"]["Policies"])
    policies += [p for p in of_type(template, "AWS::IAM::Policy").values() if {"Ref": role} in p["Roles"]]
    return {
        resource
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if action in as_list(statement["Action"])
        for resource in referenced(statement["Resource"])
    }


def sources(template: Template) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A queue, the function that it starts, and how."""
    for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        for queue in referenced(mapping["EventSourceArn"]) & of_type(template, "AWS::SQS::Queue").keys():
            (function,) = functions_in(template, mapping["FunctionName"])
            yield queue, function, mapping


def in_a_circle(template: Template) -> set[str]:
    """Functions to which a message that they send may come back: by queues, and from those to where they put
    what could not be processed."""
    queues = of_type(template, "AWS::SQS::Queue")
    follows = {name: referenced(queue.get("RedrivePolicy")) & queues.keys() for name, queue in queues.items()}
    for queue, function, _ in sources(template):
        follows[queue] = follows[queue] | {function}
    for function in of_type(template, "AWS::Lambda::Function"):
        follows[function] = may(template, function, "sqs:SendMessage") & queues.keys()
    return {name for name in of_type(template, "AWS::Lambda::Function") if name in reached(follows, name)}


def reached(follows: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = set(follows[start])
    while todo:
        name = todo.pop()
        found.add(name)
        todo |= follows[name] - found
    return found


def reserved(template: Template, function: str) -> object:
    """What is reserved for a function where anything is; None where nothing ever is."""
    value = template["Resources"][function]["Properties"].get("ReservedConcurrentExecutions")
    return value["Fn::If"][1] if value else None


# ---------------------------------------------------------------- the rules


def metrics_are_the_stacks_own(template: Template) -> list[str]:
    own = {"Fn::Sub": "A2ATasks/${AWS::StackName}"}
    broken = [
        f"{name} counts into another namespace"
        for name, function in of_type(template, "AWS::Lambda::Function").items()
        if function["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] != own
    ]
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items():
        found = [node["Namespace"] for node in walk(alarm) if isinstance(node, dict) and "Namespace" in node]
        broken += [
            f"{name} watches {space}" for space in found if space != own and not str(space).startswith("AWS/")
        ]
    for name, dashboard in of_type(template, "AWS::CloudWatch::Dashboard").items():
        body, _ = dashboard["DashboardBody"]["Fn::Sub"]
        if body.count("A2ATasks/") != body.count("A2ATasks/${AWS::StackName}"):
            broken.append(f"{name} shows other stacks' metrics")
    return broken


def a_loop_by_design_is_allowed_and_watched(template: Template) -> list[str]:
    """Lambda stops a chain of about 16 calls of a function by what it sends, unless the function says that
    it is meant to be."""
    circle = in_a_circle(template)
    watched = {
        name
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "RecursiveInvocationsDropped"
        for name in referenced(alarm["Dimensions"])
    }
    broken = [f"{name} is in a circle and not watched" for name in sorted(circle - watched)]
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        if (function.get("RecursiveLoop") == "Allow") is not (name in circle):
            broken.append(f"{name} is {'' if name in circle else 'not '}in a circle")
    return broken


def concurrency_is_asked_for(template: Template) -> list[str]:
    """An account must keep 100 unreserved, and a new one may have 10 in all."""
    broken = []
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        match function.get("ReservedConcurrentExecutions"):
            case {"Fn::If": [str(condition), _, {"Ref": "AWS::NoValue"}]}:
                (parameter,) = referenced(template["Conditions"][condition])
                off = template["Parameters"][parameter]["Default"]
                if off not in (0, "false"):
                    broken.append(f"{name} reserves concurrency without being asked")
                if not ignores(template["Conditions"][condition], off):
                    broken.append(f"{name} reserves {off}")
            case _:
                broken.append(f"{name} has no concurrency that can be set")
    return broken


def ignores(condition: Any, off: object) -> bool:
    match condition:
        case {"Fn::Not": [{"Fn::Equals": [_, value]}]}:
            return bool(value == off)
        case {"Fn::Equals": [_, value]}:
            return bool(value != off)
    return False


def what_queues_start_is_never_throttled(template: Template) -> list[str]:
    """A throttled delivery counts as a receive, so a function's queues start no more than is reserved,
    whichever of its values the parameter has."""
    starts: dict[str, list[Any]] = {}
    for _, function, mapping in sources(template):
        most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        starts.setdefault(function, []).append(most)
    broken = []
    for function, all_of_it in starts.items():
        room = reserved(template, function)
        for value in template["Parameters"].get(_parameter(room), {}).get("AllowedValues", [1_000]):
            numbers = [_at(template, most, value) for most in all_of_it]
            if None in numbers or sum(filter(None, numbers)) > (_at(template, room, value) or 0):
                broken.append(f"{function} is started {numbers} times, and {room} are reserved")
    return broken


def _parameter(number: Any) -> str:
    """The parameter that it comes from, if it comes from one."""
    match number:
        case {"Ref": name}:
            return str(name)
        case {"Fn::FindInMap": [_, key, _]}:
            return _parameter(key)
    return ""


def _at(template: Template, number: Any, value: int) -> int | None:
    """A number, or what it is where the parameter that it comes from has this value."""
    match number:
        case int():
            return number
        case {"Ref": _}:
            return value
        case {"Fn::FindInMap": [mapping, {"Ref": _}, name]}:
            return int(template["Mappings"][mapping][str(value)][name])
    return None


def keyless_routes_have_limits_of_their_own(template: Template) -> list[str]:
    """What strangers can call; its limits by default are below those that customers have."""
    known, limits = settings(template), ("ThrottlingRateLimit", "ThrottlingBurstLimit")
    broken = []
    for path, method, definition in routes(template):
        found = known.get((path, method))
        if takes_no_key(definition) and (
            found is None or any(found[limit] == known["*", "*"][limit] for limit in limits)
        ):
            broken.append(f"{method} {path} has no limits of its own")
    return broken


def each_setting_is_of_a_route_and_whole(template: Template) -> list[str]:
    """What one leaves out would be the account's, and not the stage's."""
    there = {(path, method) for path, method, _ in routes(template)} | {("*", "*")}
    return [f"{key} is no route" for key in settings(template) if key not in there] + [
        f"{key} leaves {limit} out"
        for key, item in settings(template).items()
        for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit")
        if limit not in item
    ]


def failed_tasks_raise_no_alarm_of_the_api(template: Template) -> list[str]:
    alarm = template["Resources"]["ApiServerErrorsAlarm"]["Properties"]
    series = {item["Id"]: item.get("MetricStat", {}).get("Metric") for item in alarm["Metrics"]}
    messages = {item["Name"]: item["Value"] for item in series.get("messages", {}).get("Dimensions", [])}
    key = (messages.get("Resource", ""), messages.get("Method", ""))
    broken = []
    if key not in {(path, method) for path, method, _ in routes(template)}:
        broken.append(f"{key} is no route")
    # each method that is called has five, at 0.30 USD a month
    detailed = {method for method, setting in settings(template).items() if setting.get("MetricsEnabled")}
    if detailed != {key}:
        broken.append(f"metrics of their own have {sorted(detailed)}, not {key} alone")
    for name in ("crashes", "throttles"):
        if referenced(series.get(name)) != {"MessagesFunction"}:
            broken.append(f"{name} of messages go unnoticed")
    [expression] = [item["Expression"] for item in alarm["Metrics"] if item["Id"] == "errors"]
    if "- FILL(messages, 0)" not in expression or any(
        f"FILL({name}, 0)" not in expression for name in series.keys() - {"errors", "rate", "requests"}
    ):
        broken.append("not all is added up")
    return broken


def a_scheduled_call_that_fails_is_told(template: Template) -> list[str]:
    """Lambda would try it twice more, late, and then forget it."""
    broken = []
    found = {
        next(iter(referenced(item["FunctionName"]))): item
        for item in of_type(template, "AWS::Lambda::EventInvokeConfig").values()
    }
    targets = {
        next(iter(functions_in(template, item["Target"]["Arn"])))
        for item in of_type(template, "AWS::Scheduler::Schedule").values()
    }
    broken += [f"{name} is scheduled, but not known here" for name in targets ^ SCHEDULED.keys()]
    for name, period in SCHEDULED.items():
        config = found.get(name, {})
        told = referenced(config.get("DestinationConfig")) & of_type(template, "AWS::SQS::Queue").keys()
        if not told or not told <= may(template, name, "sqs:SendMessage"):
            broken.append(f"{name} fails without a word")
        # the second try comes after one minute, the third after two more (AWS Lambda Developer Guide)
        tries = config.get("MaximumRetryAttempts", 2)
        if (60, 180)[tries - 1] >= period if tries else False:
            broken.append(f"{name} is tried again when the next call is due")
        if config.get("MaximumEventAgeInSeconds", 21_600) > period:
            broken.append(f"{name} is called when the next call is due")
    return broken


def the_domain_is_asked_for(template: Template) -> list[str]:
    broken = []
    for name, item in template["Resources"].items():
        if item["Type"] in ("AWS::ApiGateway::DomainName", "AWS::ApiGateway::BasePathMapping"):
            broken += [] if item.get("Condition") == "HasDomain" else [f"{name} is always there"]
        if item["Type"] == "AWS::Route53::RecordSet" and item.get("Condition") != "HasDomainRecord":
            broken.append(f"{name} is always there")
    for domain in of_type(template, "AWS::ApiGateway::DomainName").values():
        if domain["EndpointConfiguration"] != {"Types": ["REGIONAL"]}:
            broken.append("the domain is not regional")
        if domain["SecurityPolicy"] != "TLS_1_2":
            broken.append("the domain speaks old TLS")
    return broken


def half_a_setting_is_refused(template: Template) -> list[str]:
    """What is of no use, or does harm, without another parameter; the text of the refusal names both."""
    asserted = {
        (json.dumps(rule.get("RuleCondition")), json.dumps(item["Assert"])): item["AssertDescription"]
        for rule in template["Rules"].values()
        for item in rule["Assertions"]
    }
    unset = {name: {"Fn::Equals": [{"Ref": name}, ""]} for name in template["Parameters"]}
    given = {name: {"Fn::Not": [condition]} for name, condition in unset.items()}
    wanted = [
        ("DomainName", given["DomainName"], "DomainCertificateArn", given["DomainCertificateArn"]),
        ("WecomAvailabilityZone", given["WecomAvailabilityZone"],
         "WecomFixedIp", {"Fn::Equals": [{"Ref": "WecomFixedIp"}, "true"]}),
        ("ClaudeBackend", {"Fn::Equals": [{"Ref": "ClaudeBackend"}, "claude-on-aws"]},
         "ClaudeWorkspaceId", given["ClaudeWorkspaceId"]),
    ]  # fmt: skip
    wanted += [
        ("DomainName", unset["DomainName"], name, unset[name])
        for name in ("DomainCertificateArn", "DomainBasePath", "DomainHostedZoneId")
    ]
    broken = []
    for first, condition, second, then in wanted:
        text = asserted.get((json.dumps(condition), json.dumps(then)), "")
        if first not in text or second not in text:
            broken.append(f"nothing says how {first} and {second} go together")
    return broken


def zone_of_the_fixed_address_can_be_chosen(template: Template) -> list[str]:
    subnets = of_type(template, "AWS::EC2::Subnet")
    zones = {json.dumps(subnet["AvailabilityZone"]) for subnet in subnets.values()}
    (zone,) = zones if len(zones) == 1 else ("{}",)
    chosen = json.loads(zone).get("Fn::If", [])[:2]
    known = chosen == ["HasWecomAvailabilityZone", {"Ref": "WecomAvailabilityZone"}]
    return [] if known else ["the zone is AWS's choice"]


def claude_on_aws_acts_for_nobody_else(template: Template) -> list[str]:
    """The permission to make tokens in the role's name is for that service alone, and for Anthropic."""
    found = {
        (name, item.get("Condition")): statement
        for name, item in template["Resources"].items()
        if item["Type"] in ("AWS::IAM::Policy", "AWS::IAM::Role")
        for statement in walk(item["Properties"])
        if isinstance(statement, dict) and "sts:GetWebIdentityToken" in as_list(statement.get("Action", []))
    }
    if [condition for _, condition in found] != ["IsClaudeOnAws"]:
        return ["it is not for the backend alone"]
    ((key, statement),) = found.items()
    broken = []
    roles = referenced(template["Resources"][key[0]]["Properties"]["Roles"])
    if roles != {"WorkerRole", "BatcherRole"}:
        broken.append(f"{sorted(roles)} make tokens")
    conditions = statement.get("Condition", {})
    if conditions.get("StringEquals") != {"aws:CalledViaLast": ["aws-external-anthropic.amazonaws.com"]}:
        broken.append("whoever has the role makes tokens")
    audiences = conditions.get("ForAnyValue:StringEquals", {}).get("sts:IdentityTokenAudience", [])
    if {urlsplit(audience).hostname for audience in audiences} != {
        "api.anthropic.com",
        "platform.claude.com",
    }:
        broken.append("tokens are for others")
    return broken


def what_is_kept_is_not_left_behind_by_a_failed_creation(template: Template) -> list[str]:
    return [
        f"{name} stays when its creation fails"
        for name, item in template["Resources"].items()
        if item.get("UpdateReplacePolicy") == "Retain" and item["DeletionPolicy"] != "RetainExceptOnCreate"
    ]


def whoever_calls_a_function_calls_its_alias(template: Template) -> list[str]:
    """So that a release is one step, and can be taken back: triggers, schedules, routes, the authorizer, and
    functions that call each other."""
    functions, aliases = of_type(template, "AWS::Lambda::Function"), of_type(template, "AWS::Lambda::Alias")
    broken = [f"{name} has no alias" for name in functions if f"{name}Alias{ALIAS}" not in aliases]
    callers = of_type(
        template,
        "AWS::Lambda::EventSourceMapping",
        "AWS::Scheduler::Schedule",
        "AWS::ApiGateway::RestApi",
        "AWS::Lambda::Permission",
    )
    callers |= {f"{name}'s environment": item["Environment"] for name, item in functions.items()}
    callers |= {
        f"{name}'s policies": {"": item["Policies"]}
        for name, item in of_type(template, "AWS::IAM::Role").items()
    }
    for name, item in callers.items():
        broken += [f"{name} calls {function} itself" for function in referenced(item) & functions.keys()]
        broken += [
            f"{name} calls a function itself: {text}"
            for text in walk(item)
            if isinstance(text, str) and re.search(r":function:\$\{AWS::StackName\}-[\w-]+$", text)
        ]
    for name, item in of_type(template, "AWS::Lambda::EventInvokeConfig").items():
        if item["Qualifier"] != ALIAS:
            broken.append(f"{name} is for {item['Qualifier']}")
    return broken


# ---------------------------------------------------------------- one mistake for each


def method_settings(template: Template) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = template["Resources"]["ApiStage"]["Properties"]["MethodSettings"]
    return found


def without_setting(path: str, method: str) -> Callable[[Template], None]:
    def mistake(template: Template) -> None:
        there = method_settings(template)
        there[:] = [item for item in there if (item["ResourcePath"], item["HttpMethod"]) != (path, method)]

    return mistake


def leave_out_a_burst(template: Template) -> None:
    del method_settings(template)[1]["ThrottlingBurstLimit"]


def count_no_messages(template: Template) -> None:
    del method_settings(template)[1]["MetricsEnabled"]


def count_all_methods(template: Template) -> None:
    method_settings(template)[0]["MetricsEnabled"] = True


def let_the_sender_answer_itself(template: Template) -> None:
    role = template["Resources"]["WecomSenderRole"]["Properties"]["Policies"][0]
    role["PolicyDocument"]["Statement"].append(
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["WecomQueue", "Arn"]}}
    )


MISTAKES: list[tuple[Rule, Callable[[Template], None]]] = [
    (metrics_are_the_stacks_own,
     change(*properties("SweeperSilenceAlarm", "Namespace"), to={"Fn::Sub": "A2ATasks/${Stage}"})),
    (metrics_are_the_stacks_own,
     change(*properties("Dashboard", "DashboardBody"), to={"Fn::Sub": ['["A2ATasks/${Stage}"]', {}]})),
    (metrics_are_the_stacks_own,
     change(*properties("ApiFunction", "Environment", "Variables", "POWERTOOLS_METRICS_NAMESPACE"), to="X")),
    (a_loop_by_design_is_allowed_and_watched, drop(*properties("WorkerFunction", "RecursiveLoop"))),
    (a_loop_by_design_is_allowed_and_watched, drop(*properties("DeadLetterFunction", "RecursiveLoop"))),
    (a_loop_by_design_is_allowed_and_watched,
     change(*properties("WebhooksFunction", "RecursiveLoop"), to="Allow")),
    (a_loop_by_design_is_allowed_and_watched, drop("Resources", "DeadLetterRecursionAlarm")),
    (a_loop_by_design_is_allowed_and_watched, let_the_sender_answer_itself),
    (concurrency_is_asked_for, change(*properties("ApiFunction", "ReservedConcurrentExecutions"), to=10)),
    (concurrency_is_asked_for, drop(*properties("SweeperFunction", "ReservedConcurrentExecutions"))),
    (concurrency_is_asked_for, change("Parameters", "ReserveConcurrency", "Default", to="true")),
    (concurrency_is_asked_for,
     change("Conditions", "CapsApi", to={"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiConcurrency"}, ""]}]})),
    (what_queues_start_is_never_throttled,
     change(*properties("WorkerFunction", "ReservedConcurrentExecutions", "Fn::If"),
            to=["ReservesConcurrency", 5, {"Ref": "AWS::NoValue"}])),
    (what_queues_start_is_never_throttled,
     drop(*properties("DeadLetterFunctionDeadLetters", "ScalingConfig"))),
    (what_queues_start_is_never_throttled,
     change("Mappings", "Workers", "1000", to={"Both": 1_999})),
    (keyless_routes_have_limits_of_their_own, without_setting("/~1health", "GET")),
    (keyless_routes_have_limits_of_their_own, without_setting("/~1wecom~1{connectionId}~1callback", "POST")),
    (each_setting_is_of_a_route_and_whole, leave_out_a_burst),
    (each_setting_is_of_a_route_and_whole,
     lambda template: method_settings(template)[2].update(ResourcePath="/health")),
    (failed_tasks_raise_no_alarm_of_the_api, count_no_messages),
    (failed_tasks_raise_no_alarm_of_the_api, count_all_methods),
    (failed_tasks_raise_no_alarm_of_the_api,
     lambda template: template["Resources"]["ApiServerErrorsAlarm"]["Properties"]["Metrics"].pop(2)),
    (a_scheduled_call_that_fails_is_told, drop("Resources", "SweeperFunctionEventInvokeConfig")),
    (a_scheduled_call_that_fails_is_told, change(*properties("BatcherRole", "Policies"), to=[])),
    (a_scheduled_call_that_fails_is_told,
     change(*properties("SweeperFunctionEventInvokeConfig", "MaximumRetryAttempts"), to=1)),
    (the_domain_is_asked_for, drop("Resources", "Domain", "Condition")),
    (the_domain_is_asked_for, change(*properties("Domain", "SecurityPolicy"), to="TLS_1_0")),
    (half_a_setting_is_refused, drop("Rules", "DomainHasCertificate")),
    (half_a_setting_is_refused, drop("Rules", "DomainPartsHaveDomain")),
    (half_a_setting_is_refused, drop("Rules", "WecomZoneIsForTheFixedAddress")),
    (half_a_setting_is_refused, drop("Rules", "WorkspaceOfClaudeOnAws")),
    (zone_of_the_fixed_address_can_be_chosen,
     change(*properties("WecomPublicSubnet", "AvailabilityZone"), to={"Fn::Select": [1, []]})),
    (claude_on_aws_acts_for_nobody_else, drop("Resources", "ClaudeOnAwsTokenPolicy")),
    (claude_on_aws_acts_for_nobody_else,
     change(*properties("ClaudeOnAwsTokenPolicy", "Roles"), to=[{"Ref": "ApiRole"}])),
    (claude_on_aws_acts_for_nobody_else,
     lambda template: template["Resources"]["ClaudeOnAwsTokenPolicy"]["Properties"]["PolicyDocument"]
     ["Statement"][0]["Condition"].pop("StringEquals")),
    (what_is_kept_is_not_left_behind_by_a_failed_creation,
     change("Resources", "WecomAddress", "DeletionPolicy", to="Retain")),
    (whoever_calls_a_function_calls_its_alias, drop("Resources", "WorkerFunctionAliaslive")),
    (whoever_calls_a_function_calls_its_alias,
     change(*properties("WorkerFunctionUrgentTasks", "FunctionName"), to={"Ref": "WorkerFunction"})),
    (whoever_calls_a_function_calls_its_alias,
     change(*properties("WecomFunction", "Environment", "Variables", "WECOM_SENDER_FUNCTION"),
            to={"Ref": "WecomSenderFunction"})),
    (whoever_calls_a_function_calls_its_alias,
     change(*properties("SweeperFunction", "Environment", "Variables", "SWEEPER_FUNCTION"),
            to={"Fn::Sub": "arn:${AWS::Partition}:lambda:x:y:function:${AWS::StackName}-sweeper"})),
    (whoever_calls_a_function_calls_its_alias,
     change(*properties("SweeperFunctionEventInvokeConfig", "Qualifier"), to="$LATEST")),
]  # fmt: skip
RULES: list[Rule] = list(dict.fromkeys(rule for rule, _ in MISTAKES))


@pytest.fixture(scope="module")
def template() -> Template:
    return transformed({"Stage": "prod"})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(template: Template, rule: Rule) -> None:
    assert rule(template) == []


@pytest.mark.parametrize(("rule", "mistake"), MISTAKES, ids=lambda item: item.__name__)
def test_the_rule_finds_the_mistake(
    template: Template, rule: Rule, mistake: Callable[[Template], None]
) -> None:
    mistaken = copy.deepcopy(template)

    mistake(mistaken)

    assert rule(mistaken)


def test_nothing_of_sam_is_left(template: Template) -> None:
    assert "Transform" not in template
    assert not [item for item in template["Resources"].values() if item["Type"].startswith("AWS::Serverless")]


def test_who_can_be_called_back_is_the_worker_and_what_fails_its_tasks(template: Template) -> None:
    assert in_a_circle(template) == {"WorkerFunction", "DeadLetterFunction"}


def test_keyless_routes_are_those_that_are_meant_to_be(template: Template) -> None:
    assert {path for path, _, definition in routes(template) if takes_no_key(definition)} == PUBLIC


def test_a_template_that_sam_refuses_is_an_error_that_says_why(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: x}}}")

    with pytest.raises(ToolError, match="Runtime and Handler"):
        transformed({}, bad)


def versions(template: Template) -> dict[str, str]:
    """The logical ids of the functions' versions: where one differs, CloudFormation publishes another."""
    return {
        item["FunctionName"]["Ref"]: name for name, item in of_type(template, "AWS::Lambda::Version").items()
    }


@pytest.fixture
def source() -> str:
    return TEMPLATE.read_text("utf-8")


def translated(folder: Path, source: str, **parameters: str) -> Template:
    path = folder / f"{len(list(folder.iterdir()))}.yaml"
    path.write_text(source, "utf-8")
    return transformed(parameters, path)


def test_another_release_is_another_version_of_every_function(tmp_path: Path, source: str) -> None:
    """Also where it differs in a parameter alone, of which SAM takes no notice."""
    before, after = (
        versions(translated(tmp_path, VARIABLE.sub(rf"\g<name>{release}", source)))
        for release in ("0.1.0-aaaaaaaaaa", "0.1.0-bbbbbbbbbb")
    )

    assert before.keys() == after.keys()
    assert len(before) == 13
    assert [name for name in before if before[name] == after[name]] == []


def test_a_layer_goes_with_the_functions_that_have_it(tmp_path: Path, source: str) -> None:
    """Even for whoever deploys without `make`, and so without the release's name."""
    before = versions(translated(tmp_path, source))
    after = versions(
        translated(tmp_path, source.replace("ContentUri: layers/claude", "ContentUri: layers/other"))
    )

    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"WorkerFunction", "BatcherFunction"}


def test_traffic_shifts_only_if_asked_for(template: Template) -> None:
    code_deploy = ("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup")
    assert of_type(template, *code_deploy) == {}

    gradual = transformed({"Stage": "prod", "DeploymentType": "Canary10Percent5Minutes"})

    groups = of_type(gradual, "AWS::CodeDeploy::DeploymentGroup")
    assert len(groups) == len(versions(gradual))
    for name, group in groups.items():
        assert referenced(group["ServiceRoleArn"]) == {"DeploymentRole"}, name
        assert referenced(group["AlarmConfiguration"]["Fn::If"][1]) == {
            "ReleaseFailsCallersAlarm",
            "ReleaseFailsBackgroundAlarm",
        }
        assert "Canary10Percent5Minutes" in str(group["DeploymentConfigName"])
    assert not of_type(gradual, "AWS::IAM::Role").keys() - of_type(template, "AWS::IAM::Role").keys()


def test_the_alarms_watch_the_new_version_of_every_function() -> None:
    gradual = transformed({"Stage": "prod", "DeploymentType": "Canary10Percent5Minutes"})
    watched = {
        name
        for alarm in ("ReleaseFailsCallersAlarm", "ReleaseFailsBackgroundAlarm")
        for name in referenced(gradual["Resources"][alarm]["Properties"]["Metrics"])
    }
    assert set(versions(gradual).values()) <= watched
