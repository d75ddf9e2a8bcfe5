"""Checks that functions can be invoked, and have the layers of one deployment."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target

SUBJECT = "Functions"
PAGE = "runbook/functions-fail.md"
ALIAS = "live"
"""Everything that calls a function calls the version that this names."""


def check_functions(target: Target) -> Iterator[Finding]:
    layers = [arn for _, arn in target.of_kind("AWS::Lambda::LayerVersion")]
    names = dict(target.of_kind("AWS::Lambda::Function"))
    if not names:
        yield Finding.fault(SUBJECT, "the stack has no functions", "Deploy again.", "deploy.md")
        return
    found = {logical_id: _found(target, name, layers) for logical_id, name in names.items()}
    troubles = [
        Finding.fault(SUBJECT, f"{logical_id}: {problem}", "Deploy again.", PAGE)
        for logical_id, (problem, _) in found.items()
        if problem
    ]
    shared = [logical_id for logical_id, (_, is_shared) in found.items() if is_shared]
    if shared:
        told = f"a release is being rolled out: two versions serve {', '.join(shared)}"
        troubles.append(Finding.warning(SUBJECT, told, "CodeDeploy shows the progress.", "deploy.md"))
    yield from troubles or [
        Finding.ok(SUBJECT, f"{len(names)} are active, all with the layers of this deployment")
    ]


def _found(target: Target, name: str, layers: list[str]) -> tuple[str | None, bool]:
    """What is wrong with the version that is called, and whether it shares the calls with another."""
    client = target.deployment.account.functions()
    try:
        alias = client.get_alias(FunctionName=name, Name=ALIAS)
        called = client.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return f"it cannot be invoked: {name}:{ALIAS} does not exist", False
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return _problem(called, layers), bool(weights)


def _problem(function: Any, layers: list[str]) -> str | None:
    state, update = function.get("State", "Active"), function.get("LastUpdateStatus", "Successful")
    if state not in ("Active", "Inactive"):  # Inactive: not called for weeks, and wakes with the next call
        return f"is {state} ({function.get('StateReason', 'no reason is given')})"
    if update == "Failed":
        return f"its last update failed ({function.get('LastUpdateStatusReason', 'no reason is given')})"
    current = {_versionless(arn): arn for arn in layers}
    for layer in function.get("Layers", []):
        expected = current.get(_versionless(layer["Arn"]))
        if expected not in (None, layer["Arn"]):
            return f"has {_short(layer['Arn'])}, the stack {_short(str(expected))}"
    return None


def _versionless(layer_arn: str) -> str:
    return layer_arn.rpartition(":")[0]


def _short(layer_arn: str) -> str:
    """A layer's name and version."""
    return layer_arn.rpartition("layer:")[2]
