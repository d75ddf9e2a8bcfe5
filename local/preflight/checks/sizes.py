"""AWS's limits on sizes and counts, which a template can exceed (the services' "quotas" pages)."""

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


SUBJECT = "Sizes"


@dataclass(frozen=True)
class _Size:
    """``what`` part of the deployment, its size, and the limit."""

    what: str
    size: int
    limit: int
    unit: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.size:,} of at most {self.limit:,} {self.unit}"


def check_sizes(target: Target) -> Iterator[Finding]:
    """Everything that exceeds a limit, or else what is closest to one."""
    sizes = list(_sizes(target))
    too_large = [size for size in sizes if size.size > size.limit]
    for size in too_large:
        yield Finding.fault(SUBJECT, str(size), size.remedy)
    if not too_large:
        nearest = max(sizes, key=lambda size: size.size / size.limit)
        yield Finding.ok(SUBJECT, f"{len(sizes)} are within AWS's limits; closest to its limit is {nearest}")


def _sizes(target: Target) -> Iterator[_Size]:
    template = target.template
    text = len(json.dumps(template, separators=(",", ":")).encode())
    split = "Move resources to a nested stack."
    yield _Size("the template's text", text, TEMPLATE_BYTES, "bytes", split)
    yield _Size("the template", len(template["Resources"]), RESOURCES, "resources", split)
    yield _Size("the template", len(template.get("Parameters", {})), PARAMETERS, "parameters", split)
    yield _Size("the template", len(template.get("Outputs", {})), OUTPUTS, "outputs", split)
    yield from _of_functions(target)
    yield from _of_policies(target)
    for name, api in target.of_type("AWS::ApiGateway::RestApi").items():
        paths = _path_resources(api.get("Body", {}).get("paths", {}))
        remedy = "Request an increase in Service Quotas (Amazon API Gateway, resources per API)."
        yield _Size(name, paths, API_RESOURCES, "parts of paths", remedy)


def _of_functions(target: Target) -> Iterator[_Size]:
    for name, function in target.of_type("AWS::Lambda::Function").items():
        variables = function.get("Environment", {}).get("Variables", {})
        size = sum(len(key.encode()) + len(str(value).encode()) for key, value in variables.items())
        remedy = "Shorten the longest parameters, such as ModelPrices, or read them from elsewhere."
        yield _Size(f"{name}'s environment variables", size, ENVIRONMENT_BYTES, "bytes", remedy)
        layers = len(function.get("Layers", []))
        yield _Size(name, layers, LAYERS_OF_A_FUNCTION, "layers", "Merge two layers.")
        full_name = function.get("FunctionName", "")
        remedy = "Choose a shorter stack_name in samconfig.toml."
        yield _Size(f"the name {full_name}", len(full_name), FUNCTION_NAME_CHARACTERS, "characters", remedy)


def _of_policies(target: Target) -> Iterator[_Size]:
    attached = target.of_type("AWS::IAM::Policy").values()
    remedy = "Merge statements, or move some to a managed policy."
    for name, role in target.of_type("AWS::IAM::Role").items():
        reference = target.value({"Ref": name})
        policies = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
        policies += [policy["PolicyDocument"] for policy in attached if reference in policy.get("Roles", [])]
        size = sum(map(_characters, policies))
        yield _Size(f"{name}'s policies", size, INLINE_POLICIES_CHARACTERS, "characters", remedy)
        trust = _characters(role["AssumeRolePolicyDocument"])
        yield _Size(f"{name}'s trust policy", trust, TRUST_POLICY_CHARACTERS, "characters", remedy)
    for name, key in target.of_type("AWS::KMS::Key").items():
        yield _Size(f"{name}'s policy", _characters(key["KeyPolicy"]), KEY_POLICY_BYTES, "bytes", remedy)


def _characters(policy: Mapping[str, Any]) -> int:
    """IAM does not count whitespace."""
    return len(re.sub(r"\s", "", json.dumps(policy)))


def _path_resources(paths: Mapping[str, Any]) -> int:
    """Each part of a path is a resource, and so is the root."""
    prefixes = {"/"}
    for path in paths:
        parts = path.strip("/").split("/")
        prefixes |= {"/".join(parts[: length + 1]) for length in range(len(parts))}
    return len(prefixes)
