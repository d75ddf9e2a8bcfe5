"""The statements of a template's policies.

A value that depends on a condition counts with both alternatives: a rule holds whatever is deployed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.template.intrinsics import NO_VALUE, Template, Value, function_of

# The property with the resource policy, by type of resource.
RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::ApiGateway::RestApi": "Policy",
    "AWS::DynamoDB::Table": "ResourcePolicy",
}


@dataclass(frozen=True)
class Statement:
    """``owner`` is the logical id of the role that has the permission, or of the resource with the policy.

    ``made_if`` is the template's condition under which the policy is created; empty if it always is.
    """

    owner: str
    written: Mapping[str, Any]
    made_if: str = ""

    @property
    def allows(self) -> bool:
        return bool(self.written.get("Effect") == "Allow")

    @property
    def actions(self) -> list[str]:
        return [str(action) for action in either(self.written.get("Action", []))]

    @property
    def resources(self) -> list[str]:
        """As text: a resource of the template by its logical id."""
        return [as_text(resource) for resource in either(self.written.get("Resource", []))]

    @property
    def condition(self) -> Mapping[str, Any]:
        condition: Mapping[str, Any] = self.written.get("Condition", {})
        return condition

    @property
    def condition_keys(self) -> set[str]:
        return {key.lower() for keys in self.condition.values() for key in keys}

    @property
    def principals(self) -> list[tuple[str, str]]:
        """Pairs of a kind, such as Service, and a name: the principals, ("*", "*") for everybody."""
        principal = self.written.get("Principal", {})
        if principal == "*":
            return [("*", "*")]
        return [(kind, as_text(who)) for kind, whose in principal.items() for who in either(whose)]


def of_type(template: Template, *kinds: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of the given types, by logical id."""
    return {
        name: item.get("Properties", {})
        for name, item in template["Resources"].items()
        if item["Type"] in kinds
    }


def roles(template: Template) -> dict[str, dict[str, Any]]:
    return of_type(template, "AWS::IAM::Role")


def role_statements(template: Template) -> Iterator[Statement]:
    """The roles' permissions, from inline and from attached policies."""
    for name, role in roles(template).items():
        for policy in either(role.get("Policies", [])):
            yield from _statements(name, policy["PolicyDocument"])
    for name, policy in of_type(template, "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy").items():
        made_if = template["Resources"][name].get("Condition", "")
        for role in either(policy.get("Roles", [])):
            yield from _statements(as_text(role), policy["PolicyDocument"], made_if)


def trust_statements(template: Template) -> Iterator[Statement]:
    """Who may assume a role."""
    for name, role in roles(template).items():
        yield from _statements(name, role["AssumeRolePolicyDocument"])


def resource_statements(template: Template) -> Iterator[Statement]:
    """Who may use a resource, according to its own policy."""
    for kind, attribute in RESOURCE_POLICIES.items():
        for name, properties in of_type(template, kind).items():
            document = properties.get(attribute, {})
            yield from _statements(name, document.get("PolicyDocument", document))


def either(value: Value) -> Iterator[Value]:
    """The items of a list, or the one value, under every condition."""
    if function_of(value) == "Fn::If":
        yield from either(value["Fn::If"][1])
        yield from either(value["Fn::If"][2])
    elif isinstance(value, list):
        for item in value:
            yield from either(item)
    elif value != NO_VALUE:
        yield value


def as_text(value: Value) -> str:
    """A value in short form: `TasksTable` for its ARN, and other references as in ``Fn::Sub``."""
    match value:
        case {"Fn::GetAtt": [str(name), "Arn" | "Id" | "StreamArn" as attribute]}:
            return f"{name}/stream" if attribute == "StreamArn" else name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case {"Ref": str(name)}:
            return f"${{{name}}}" if name.startswith("AWS::") else name
        case {"Fn::Sub": [str(text), dict(own)]}:
            known = {f"${{{name}}}": as_text(item) for name, item in own.items()}
            return as_text({"Fn::Sub": re.sub(r"\$\{\w+\}", lambda m: known.get(m[0], m[0]), text)})
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)(?:\.Arn)?\}", r"\1", text)
    return str(value)


def _statements(owner: str, document: Mapping[str, Any], made_if: str = "") -> Iterator[Statement]:
    for statement in either(document.get("Statement", [])):
        yield Statement(owner, statement, made_if)
