"""Small templates as targets of a deployment, for the tests of the preflight."""

from collections.abc import Mapping
from typing import Any

from local.preflight.finding import Finding, State
from local.preflight.target import Target

STACK = "a2a-tasks-dev"


def target_of(
    resources: Mapping[str, Any] | None = None,
    given: Mapping[str, str] | None = None,
    stack_name: str = STACK,
    artifact_bucket: str | None = None,
    **sections: Any,
) -> Target:
    """``sections`` are the rest of the template, such as ``Parameters``."""
    template = {"Resources": dict(resources or {}), **sections}
    return Target("dev", stack_name, template, given or {}, "us-east-1", artifact_bucket)


def resource(kind: str, /, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def states(findings: list[Finding]) -> list[State]:
    return [finding.state for finding in findings]
