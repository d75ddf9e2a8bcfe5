"""The rules for roles and policies: each passes what is right and finds what is not."""

from typing import Any

import pytest

from local.policies import rules
from local.policies.rules import Rule
from tests.deployment_target import resource

LAMBDA = {"Service": "lambda.amazonaws.com"}
SCHEDULER = {"Service": "scheduler.amazonaws.com"}
FROM_HERE = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
ROOT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
TABLE = {"Fn::GetAtt": ["Table", "Arn"]}
GROUP = {"Fn::GetAtt": ["Group", "Arn"]}

type Resources = dict[str, dict[str, Any]]


def allow(action: Any, on: Any = TABLE, **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": on} | rest


def trusted(principal: Any, **rest: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} | rest
    return {"AssumeRolePolicyDocument": {"Statement": [statement]}}


def role(*statements: dict[str, Any], principal: Any = LAMBDA, **rest: Any) -> dict[str, Any]:
    policies = [{"PolicyName": "calls", "PolicyDocument": {"Statement": list(statements)}}]
    return resource("AWS::IAM::Role", **(trusted(principal) | {"Policies": policies} | rest))


def function(name_of_role: str = "Role") -> dict[str, Any]:
    reference = {"Fn::GetAtt": [name_of_role, "Arn"]}
    return resource("AWS::Lambda::Function", Role=reference, LoggingConfig={"LogGroup": {"Ref": "Group"}})


def bucket_policy(principal: Any, **rest: Any) -> dict[str, Any]:
    statement = allow("s3:GetObject", "x", Principal=principal) | rest
    return resource("AWS::S3::BucketPolicy", PolicyDocument={"Statement": [statement]})


def permission(principal: str, **rest: Any) -> dict[str, Any]:
    return resource("AWS::Lambda::Permission", Principal=principal, FunctionName={"Ref": "Worker"}, **rest)


RIGHT: list[tuple[Rule, Resources]] = [
    (rules.wildcards_are_argued_for, {"Role": role(allow("dynamodb:GetItem"))}),
    (rules.wildcards_are_argued_for, {"Role": role(allow("s3:*", "*") | {"Effect": "Deny"})}),
    (
        rules.actions_exist,
        {"Role": role(allow(["dynamodb:getitem", "aws-external-anthropic:CreateInference"]))},
    ),
    (rules.no_role_gives_itself_power, {"Role": role(allow("kms:Decrypt"))}),
    (rules.one_service_becomes_a_role, {"Role": role()}),
    (rules.one_service_becomes_a_role, {"Role": role(**trusted(SCHEDULER, Condition=FROM_HERE))}),
    (rules.resource_policies_are_not_public, {"It": bucket_policy("*", Effect="Deny")}),
    (rules.resource_policies_are_not_public, {"It": bucket_policy(ROOT)}),
    (rules.resource_policies_are_not_public, {"It": bucket_policy(LAMBDA, Condition=FROM_HERE)}),
    (
        rules.functions_are_called_by_known_sources,
        {"It": permission("apigateway.amazonaws.com", SourceArn="x")},
    ),
    (rules.functions_share_no_role, {"Role": role(), "Worker": function()}),
    (
        rules.functions_write_their_own_log,
        {"Role": role(allow("logs:PutLogEvents", GROUP)), "Worker": function()},
    ),
    (rules.managed_policies_are_argued_for, {"Role": role()}),
    (rules.nothing_is_allowed_by_exception, {"Role": role(allow("dynamodb:GetItem"))}),
]
WRONG: list[tuple[Rule, Resources, str]] = [
    (rules.wildcards_are_argued_for, {"Role": role(allow("dynamodb:*"))}, "dynamodb:*"),
    (rules.wildcards_are_argued_for, {"Role": role(allow("dynamodb:Get?tem"))}, "dynamodb:Get?tem"),
    (rules.wildcards_are_argued_for, {"Role": role(allow("sqs:SendMessage", "*"))}, "sqs:SendMessage on *"),
    (
        rules.wildcards_are_argued_for,
        {"Role": role(allow("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/*"}))},
        "Bucket/*",
    ),
    (
        # under a condition counts as well
        rules.wildcards_are_argued_for,
        {"Role": role({"Fn::If": ["X", allow("sqs:*"), {"Ref": "AWS::NoValue"}]})},
        "sqs:*",
    ),
    (
        # and so does what is attached
        rules.wildcards_are_argued_for,
        {
            "Role": role(),
            "It": resource(
                "AWS::IAM::Policy", Roles=[{"Ref": "Role"}], PolicyDocument={"Statement": [allow("sqs:*")]}
            ),
        },
        "sqs:*",
    ),
    (
        rules.wildcards_are_argued_for,
        {"It": resource("AWS::KMS::Key", KeyPolicy={"Statement": [allow("kms:*", "x", Principal=ROOT)]})},
        "kms:*",
    ),
    (
        rules.nothing_is_allowed_by_exception,
        {"Role": role({"Effect": "Allow", "NotAction": "iam:*"})},
        "NotAction",
    ),
    (
        rules.nothing_is_allowed_by_exception,
        {"Role": role({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "x"})},
        "NotResource",
    ),
    (rules.no_role_gives_itself_power, {"Role": role(allow("iam:PassRole"))}, "iam:PassRole"),
    (rules.no_role_gives_itself_power, {"Role": role(allow("sts:AssumeRole"))}, "sts:AssumeRole"),
    (rules.no_role_gives_itself_power, {"Role": role(allow("*"))}, "*"),
    (rules.no_role_gives_itself_power, {"Role": role(allow("kms:*"))}, "kms:*"),
    (rules.no_role_gives_itself_power, {"Role": role(allow("kms:PutKeyPolicy"))}, "kms:PutKeyPolicy"),
    (rules.actions_exist, {"Role": role(allow("dynamodb:GetItems"))}, "dynamodb:GetItems"),
    (rules.actions_exist, {"Role": role(allow("dynamo:GetItem"))}, "dynamo:GetItem"),
    (rules.one_service_becomes_a_role, {"Role": role(principal="*")}, ""),
    (rules.one_service_becomes_a_role, {"Role": role(principal=ROOT)}, ""),
    (
        rules.one_service_becomes_a_role,
        {"Role": role(principal={"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]})},
        "",
    ),
    (rules.one_service_becomes_a_role, {"Role": role(principal=SCHEDULER)}, ""),
    (rules.resource_policies_are_not_public, {"It": bucket_policy("*")}, "*"),
    (rules.resource_policies_are_not_public, {"It": bucket_policy({"AWS": "*"})}, "*"),
    (rules.resource_policies_are_not_public, {"It": bucket_policy({"AWS": "210987654321"})}, "210987654321"),
    (rules.resource_policies_are_not_public, {"It": bucket_policy(LAMBDA)}, "lambda.amazonaws.com"),
    (rules.functions_are_called_by_known_sources, {"It": permission("*", SourceArn="x")}, ""),
    (rules.functions_are_called_by_known_sources, {"It": permission("s3.amazonaws.com")}, ""),
    (rules.functions_are_called_by_known_sources, {"It": resource("AWS::Lambda::Url", AuthType="NONE")}, ""),
    (rules.functions_share_no_role, {"Role": role(), "Worker": function(), "Sweeper": function()}, ""),
    (rules.functions_share_no_role, {"Worker": function("Elsewhere")}, ""),
    (
        rules.functions_write_their_own_log,
        {"Role": role(allow("logs:PutLogEvents", {"Fn::GetAtt": ["Other", "Arn"]})), "Worker": function()},
        "Other",
    ),
    (rules.functions_write_their_own_log, {"Role": role(allow("logs:PutLogEvents", GROUP))}, "Group"),
    (
        rules.managed_policies_are_argued_for,
        {"Role": role(ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"])},
        "AdministratorAccess",
    ),
]


@pytest.mark.parametrize(("rule", "resources"), RIGHT, ids=lambda item: getattr(item, "__name__", ""))
def test_what_is_right_passes(rule: Rule, resources: Resources) -> None:
    assert list(rule({"Resources": resources})) == []


@pytest.mark.parametrize(("rule", "resources", "what"), WRONG, ids=lambda item: getattr(item, "__name__", ""))
def test_what_is_wrong_is_found(rule: Rule, resources: Resources, what: str) -> None:
    found = list(rule({"Resources": resources}))

    assert what in {violation.what for violation in found}


def test_every_rule_is_applied_and_has_been_seen_to_fail() -> None:
    assert {rule for rule, _, _ in WRONG} == set(rules.RULES)
