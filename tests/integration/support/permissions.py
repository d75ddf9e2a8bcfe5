"""What ``template.yaml`` lets each function call, and whether that covers a call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.integration.support.template import (
    holds,
    known_values,
    resolve,
    resource_properties,
    resources_of_type,
)

ACTIONS = {
    "GetItem": ["dynamodb:GetItem"],
    "BatchGetItem": ["dynamodb:BatchGetItem"],
    "PutItem": ["dynamodb:PutItem"],
    "UpdateItem": ["dynamodb:UpdateItem"],
    "DeleteItem": ["dynamodb:DeleteItem"],
    "Query": ["dynamodb:Query"],
    "BatchWriteItem": ["dynamodb:BatchWriteItem"],
    "SendMessage": ["sqs:SendMessage"],
    # AWS checks a batch under the single action's name, the emulator under its own
    "SendMessageBatch": ["sqs:SendMessage", "sqs:SendMessageBatch"],
    "ReceiveMessage": ["sqs:ReceiveMessage"],
    "DeleteMessage": ["sqs:DeleteMessage"],
    "ChangeMessageVisibility": ["sqs:ChangeMessageVisibility"],
    "ChangeMessageVisibilityBatch": ["sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch"],
    "GetObject": ["s3:GetObject"],
    "PutObject": ["s3:PutObject"],
    "ListObjectsV2": ["s3:ListBucket"],
    "DeleteObjects": ["s3:DeleteObject"],
    "GetSecretValue": ["secretsmanager:GetSecretValue"],
    "Decrypt": ["kms:Decrypt"],
    "GenerateDataKey": ["kms:GenerateDataKey"],
    "GetQueueAttributes": ["sqs:GetQueueAttributes"],
    "Invoke": ["lambda:InvokeFunction"],
}
"""IAM's names of what an SDK's operation does (Service Authorization Reference)."""


@dataclass(frozen=True)
class Grant:
    """One action on one resource; ``condition`` is the pattern of the key or prefix that it is limited to, or
    the purpose in the encryption context."""

    action: str
    resource: str
    condition: str | None = None

    def covers(self, action: str, resource: str, condition: str | None) -> bool:
        return (
            self.action == action
            and fnmatchcase(resource, self.resource)
            and (self.condition is None or (condition is not None and fnmatchcase(condition, self.condition)))
        )


@dataclass(frozen=True)
class Role:
    """What a function may call."""

    grants: frozenset[Grant]

    def uses(self, operation: str, parameters: Mapping[str, Any]) -> frozenset[Grant] | None:
        """The grants that a call makes use of, or None if it is not allowed."""
        used: set[Grant] = set()
        if operation == "TransactWriteItems":  # which has no action of its own
            for kind, item in (each for items in parameters["TransactItems"] for each in items.items()):
                found = self.uses(f"{kind}Item", item)
                if found is None:
                    return None
                used |= found
            return frozenset(used)
        for need in _needs(operation, parameters):
            covering = {grant for grant in self.grants if grant.covers(*need)}
            if not covering:
                return None
            used |= covering
        return frozenset(used)


def role_of(function: str, resources: Mapping[str, str], parameters: Mapping[str, str] | None = None) -> Role:
    """The role of a function; ``resources`` are what calls name them, ``parameters`` the stack's."""
    groups = {name: name for name in resources_of_type("AWS::Logs::LogGroup")}
    known = known_values(groups | dict(resources), parameters)
    role = resource_properties(function)["Role"]["GetAtt"].partition(".")[0]
    documents = [policy["PolicyDocument"] for policy in resource_properties(role)["Policies"]]
    for policy in resources_of_type("AWS::IAM::Policy").values():
        if {"Ref": role} in policy["Properties"]["Roles"] and holds(policy, known):
            documents.append(policy["Properties"]["PolicyDocument"])
    statements = [statement for document in documents for statement in document["Statement"]]
    return Role(frozenset(grant for statement in statements for grant in _grants(statement, known)))


def _grants(statement: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[Grant]:
    conditions: list[str | None] = [None]
    for operator in statement.get("Condition", {}).values():
        (given,) = operator.values()
        conditions = _as_list(given)
    for action in _as_list(statement["Action"]):
        for resource in _as_list(statement["Resource"]):
            for condition in conditions:
                yield Grant(action, resolve(resource, known), condition)


def _needs(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """The actions, resources, and keys or prefixes of a call."""
    for action in ACTIONS[operation]:
        for resource, condition in _targets(operation, parameters):
            yield action, resource, condition
    if operation == "GetObject":  # or S3 would not say that there is no such object; the key is the prefix
        yield "s3:ListBucket", parameters["Bucket"], parameters["Key"]


NAMED_BY = {
    "Invoke": "FunctionName",
    "GetSecretValue": "SecretId",
    "SendMessage": "QueueUrl",
    "SendMessageBatch": "QueueUrl",
    "ReceiveMessage": "QueueUrl",
    "DeleteMessage": "QueueUrl",
    "ChangeMessageVisibility": "QueueUrl",
    "ChangeMessageVisibilityBatch": "QueueUrl",
    "GetQueueAttributes": "QueueUrl",
}
"""The parameter that is the resource of a call, where it alone counts."""


def _targets(operation: str, parameters: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """The resources of a call, each with the key or prefix that a condition may limit."""
    if operation in NAMED_BY:
        return [(parameters[NAMED_BY[operation]], None)]
    match operation:
        case "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem":
            key = parameters["Item" if operation == "PutItem" else "Key"]
            return [(parameters["TableName"], key["pk"]["S"])]
        case "Query":
            index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
            partition = parameters.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S")
            return [(parameters["TableName"] + index, partition)]
        case "BatchGetItem":
            asked = parameters["RequestItems"].items()
            return [(table, key["pk"]["S"]) for table, found in asked for key in found["Keys"]]
        case "BatchWriteItem":
            written = parameters["RequestItems"].items()
            requests = [(table, request) for table, found in written for request in found]
            return [(table, request["DeleteRequest"]["Key"]["pk"]["S"]) for table, request in requests]
        case "Decrypt" | "GenerateDataKey":
            return [(parameters["KeyId"], parameters.get("EncryptionContext", {}).get("purpose"))]
        case "GetObject" | "PutObject":
            return [(f"{parameters['Bucket']}/{parameters['Key']}", None)]
        case "ListObjectsV2":
            return [(parameters["Bucket"], parameters["Prefix"])]
        case "DeleteObjects":
            return [
                (f"{parameters['Bucket']}/{item['Key']}", None) for item in parameters["Delete"]["Objects"]
            ]
        case _:
            raise ValueError(f"not known what {operation} needs")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
