"""AWS's limits on sizes and counts, which a template can come to exceed (the services' "quotas" pages)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.preflight.finding import Finding
from local.preflight.target import Target

TEMPLATE_BYTES = 1_000_000
RESOURCES = 500
PARAMETERS = 200
OUTPUTS = 200
ENVIRONMENT_BYTES = 4_096
INLINE_POLICIES_CHARACTERS = 10_240
TRUST_POLICY_CHARACTERS = 2_048
KEY_POLICY_BYTES = 32_768
FUNCTION_NAME_CHARACTERS = 64
LAYERS_OF_A_FUNCTION = 5
API_RESOURCES = 300


@dataclass(frozen=True)
class _Size:
    """``what`` of the deployment, how large it is, and how large it may be."""

    subject: str
    what: str
    size: int
    limit: int
    unit: str
    remedy: str


def check_sizes(target: Target) -> Iterator[Finding]:
    """One finding for each subject: all that is too large, or else the largest."""
    by_subject: dict[str, list[_Size]] = {}
    for size in _sizes(target):
        by_subject.setdefault(size.subject, []).append(size)
    for subject, sizes in by_subject.items():
        for size in sizes:
            if size.size > size.limit:
                found = f"{size.what}: {size.size:,} of at most {size.limit:,} {size.unit}"
                yield Finding.fault(subject, found, size.remedy)
        largest = max(sizes, key=lambda size: size.size)
        if largest.size <= largest.limit:
            found = f"{largest.what}: {largest.size:,} of at most {largest.limit:,} {largest.unit}"
            yield Finding.ok(subject, found)


def _sizes(target: Target) -> Iterator[_Size]:
    template = target.template
    text = len(json.dumps(template, separators=(",", ":")).encode())
    split = "Move resources to a nested stack."
    yield _Size("Template", "its text", text, TEMPLATE_BYTES, "bytes", split)
    yield _Size("Resources", "in the stack", len(template["Resources"]), RESOURCES, "", split)
    yield _Size("Parameters' number", "declared", len(template.get("Parameters", {})), PARAMETERS, "", split)
    yield _Size("Outputs", "declared", len(template.get("Outputs", {})), OUTPUTS, "", split)
    yield from _of_functions(target)
    yield from _of_policies(target)
    for name, api in target.of_type("AWS::ApiGateway::RestApi").items():
        paths = _path_resources(api.get("Body", {}).get("paths", {}))
        remedy = "Ask for more under Service Quotas (API Gateway, resources per API)."
        yield _Size("API resources", name, paths, API_RESOURCES, "", remedy)


def _of_functions(target: Target) -> Iterator[_Size]:
    for name, function in target.of_type("AWS::Lambda::Function").items():
        variables = function.get("Environment", {}).get("Variables", {})
        size = sum(len(key.encode()) + len(str(value).encode()) for key, value in variables.items())
        remedy = "Shorten the longest parameters, such as ModelPrices, or read them from elsewhere."
        yield _Size("Environment variables", name, size, ENVIRONMENT_BYTES, "bytes", remedy)
        if "FunctionName" in function:
            length = len(function["FunctionName"])
            remedy = "Choose a shorter stack_name in samconfig.toml."
            yield _Size(
                "Function names",
                function["FunctionName"],
                length,
                FUNCTION_NAME_CHARACTERS,
                "characters",
                remedy,
            )
        layers = len(function.get("Layers", []))
        yield _Size("Layers", name, layers, LAYERS_OF_A_FUNCTION, "of one function", "Merge two layers.")


def _of_policies(target: Target) -> Iterator[_Size]:
    attached = target.of_type("AWS::IAM::Policy").values()
    for name, role in target.of_type("AWS::IAM::Role").items():
        reference = target.value({"Ref": name})
        policies = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
        policies += [policy["PolicyDocument"] for policy in attached if reference in policy.get("Roles", [])]
        remedy = "Merge statements, or move some to a managed policy."
        size = sum(map(_characters, policies))
        yield _Size("Roles' policies", name, size, INLINE_POLICIES_CHARACTERS, "characters", remedy)
        trust = _characters(role["AssumeRolePolicyDocument"])
        yield _Size("Roles' trust policies", name, trust, TRUST_POLICY_CHARACTERS, "characters", remedy)
    for name, key in target.of_type("AWS::KMS::Key").items():
        size = _characters(key["KeyPolicy"])
        yield _Size("Key policies", name, size, KEY_POLICY_BYTES, "bytes", "Merge statements.")


def _characters(policy: Mapping[str, Any]) -> int:
    """IAM does not count white space."""
    return len(re.sub(r"\s", "", json.dumps(policy)))


def _path_resources(paths: Mapping[str, Any]) -> int:
    """Each part of a path is a resource of its own, and so is the root."""
    prefixes = {"/"}
    for path in paths:
        parts = path.strip("/").split("/")
        prefixes |= {"/".join(parts[: length + 1]) for length in range(len(parts))}
    return len(prefixes)
