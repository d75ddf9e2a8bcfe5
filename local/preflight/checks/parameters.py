"""The environment's parameters are valid for the template."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.preflight.finding import Finding
from local.preflight.target import Target
from local.template.intrinsics import holds

SUBJECT = "Parameters"


def check_parameters(target: Target) -> Iterator[Finding]:
    """Checks names, values and the template's rules, which CloudFormation would check only after the
    upload."""
    declared = target.template.get("Parameters", {})
    where = f"parameter_overrides of [{target.environment}.deploy.parameters] in samconfig.toml"
    faults = [
        *(f"the template has no parameter {name}" for name in target.given if name not in declared),
        *(f"{name} has no value" for name in declared if name not in target.parameters),
        *(
            f"{name}={target.parameters[name]}: {reason}"
            for name, declaration in declared.items()
            if name in target.parameters and (reason := _refused(declaration, target.parameters[name]))
        ),
    ]
    if not faults:
        faults = list(_broken_rules(target))
    for fault in faults:
        yield Finding.fault(SUBJECT, fault, f"Fix {where}.")
    if not faults:
        yield Finding.ok(SUBJECT, f"{len(target.given)} set, {len(declared)} in all")


def _refused(declaration: Mapping[str, Any], value: str) -> str | None:
    """Why a parameter does not accept a value."""
    reason = declaration.get("ConstraintDescription")
    allowed = [str(item) for item in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return reason or f"must be one of {', '.join(allowed)}"
    pattern = declaration.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        return reason or f"must match {pattern}"
    if declaration["Type"] == "Number":
        return _refused_number(declaration, value)
    return None


def _refused_number(declaration: Mapping[str, Any], value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "must be a number"
    least, most = declaration.get("MinValue"), declaration.get("MaxValue")
    if least is not None and number < float(least):
        return f"must be at least {least}"
    if most is not None and number > float(most):
        return f"must be at most {most}"
    return None


def _broken_rules(target: Target) -> Iterator[str]:
    conditions = target.template.get("Conditions", {})
    for rule in target.template.get("Rules", {}).values():
        if "RuleCondition" in rule and not holds(rule["RuleCondition"], target.value, conditions):
            continue
        for assertion in rule["Assertions"]:
            if not holds(assertion["Assert"], target.value, conditions):
                yield assertion["AssertDescription"]
