"""Properties that a condition takes away although AWS asks for them.

``!If [Condition, value, !Ref AWS::NoValue]`` is no mistake that a template shows: only a deployment under the
other condition fails. So every combination of conditions that parameters can bring about is tried, each
resource by itself, against the schemas that cfn-lint carries.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from cfnlint.conditions import Conditions  # type: ignore[import-untyped]
from cfnlint.schema import ResourceNotFoundError  # type: ignore[import-untyped]
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]
from cfnlint.template import Template as LintedTemplate  # type: ignore[import-untyped]
from jsonschema import Draft7Validator, ValidationError, validators  # type: ignore[import-untyped]

from local.preflight.finding import Finding
from local.preflight.intrinsics import Template, Value, chosen, conditions_in, function_of

SUBJECT = "Optional properties"
# What a value can become when parts of it are taken away. Whether the rest is right is cfn-lint's business.
_KEYWORDS = ("$ref", "properties", "items", "allOf", "required", "minItems")
_Validator = validators.create(
    meta_schema={}, validators={name: Draft7Validator.VALIDATORS[name] for name in _KEYWORDS}
)


def check_no_value(template: Template, region: str) -> Iterator[Finding]:
    """Every property that is required and missing under some combination of conditions."""
    faults = sorted(set(_faults(template, region)))
    for place, problem, when in faults:
        yield Finding.fault(SUBJECT, f"{place}: {problem} {when}", "Give it a value there in template.yaml.")
    if not faults:
        yield Finding.ok(SUBJECT, "none is required under any combination of conditions")


def _faults(template: Template, region: str) -> Iterator[tuple[str, str, str]]:
    conditions = LintedTemplate("template", template, [region]).conditions
    for name, resource in template["Resources"].items():
        schema = _schema(resource["Type"], region)
        if schema is None:
            continue
        properties = resource.get("Properties", {})
        for scenario in _scenarios(conditions, conditions_in(properties), resource.get("Condition")):
            left = _opaque(chosen(properties, scenario))
            for error in _Validator(schema).iter_errors(left):
                place = ".".join((name, *(str(part) for part in error.absolute_path)))
                yield place, _problem(error), _when(scenario)


def _scenarios(conditions: Conditions, names: set[str], made_if: str | None) -> Iterator[dict[str, bool]]:
    """The combinations of conditions that can be, as far as a resource differs by them."""
    wanted = {name: {True, False} for name in names}
    if made_if is not None:
        wanted[made_if] = {True}
    if not wanted:
        yield {}
        return
    yield from conditions.build_scenarios(wanted)


def _problem(error: ValidationError) -> str:
    return "must not be an empty list" if error.validator == "minItems" else error.message


def _opaque(value: Value) -> Value:
    """The value with a text in place of everything that is only known later."""
    if function_of(value) is not None:
        return "?"
    if isinstance(value, dict):
        return {key: _opaque(item) for key, item in value.items()}
    return [_opaque(item) for item in value] if isinstance(value, list) else value


def _when(scenario: dict[str, bool]) -> str:
    if not scenario:
        return "always"
    return "if " + " and ".join(name if met else f"not {name}" for name, met in sorted(scenario.items()))


@cache
def _schema(kind: str, region: str) -> dict[str, Any] | None:
    try:
        schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, kind).schema
    except ResourceNotFoundError:
        return None
    return schema
