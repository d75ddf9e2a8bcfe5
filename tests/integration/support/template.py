"""What ``template.yaml`` says of tables and environments, so that tests run on what is deployed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "a2a-tasks",
    "AWS::URLSuffix": "amazonaws.com",
}
"""What CloudFormation itself knows of a stack."""
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms: ``!Ref X`` becomes ``{"Ref": "X"}``."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            return {suffix: loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {suffix: loader.construct_sequence(node, deep=True)}
        case yaml.MappingNode():
            return {suffix: loader.construct_mapping(node, deep=True)}
    raise TypeError(f"no YAML node: {node!r}")


_Loader.add_multi_constructor("!", _intrinsic)

_TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506


def document() -> dict[str, Any]:
    """The whole template."""
    return _TEMPLATE


def resource_properties(logical_id: str) -> dict[str, Any]:
    properties: dict[str, Any] = _TEMPLATE["Resources"][logical_id]["Properties"]
    return properties


def mapping(name: str) -> dict[str, dict[str, Any]]:
    """A mapping of the template: settings by key."""
    found: dict[str, dict[str, Any]] = _TEMPLATE["Mappings"][name]
    return found


def layers_of(logical_id: str) -> list[str]:
    """The layers of a function, by logical id."""
    shared = _TEMPLATE["Globals"]["Function"]["Layers"]
    return [layer["Ref"] for layer in (*shared, *resource_properties(logical_id).get("Layers", []))]


def resources_of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Resources of a CloudFormation type by logical id."""
    return {name: item for name, item in _TEMPLATE["Resources"].items() if item["Type"] == kind}


def table_definition(logical_id: str) -> dict[str, Any]:
    """The arguments of ``create_table`` that make a table of the template."""
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    properties = resource_properties(logical_id)
    definition = {name: properties[name] for name in wanted if name in properties}
    if "StreamSpecification" in properties:
        # in a template, naming the view switches the stream on
        definition["StreamSpecification"] = {"StreamEnabled": True} | properties["StreamSpecification"]
    return definition


def environment(
    function: str, resources: Mapping[str, str], parameters: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A function's variables. ``resources`` are the names of those it uses; ``parameters`` go before their
    defaults."""
    known = known_values(resources, parameters)
    shared = _TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = resource_properties(function)["Environment"]["Variables"]
    return {name: resolve(value, known) for name, value in (shared | own).items()}


def known_values(resources: Mapping[str, str], parameters: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a name stands for: a parameter's value, or what ``!Ref`` and ``!GetAtt`` give of a resource."""
    defaults = {name: str(entry["Default"]) for name, entry in _TEMPLATE["Parameters"].items()}
    return PSEUDO | defaults | dict(parameters or {}) | dict(resources)


def resolve(value: Any, known: Mapping[str, str]) -> str:
    """A value of the template as CloudFormation would work it out."""
    match value:
        case {"Ref": name}:
            return known[name]
        case {"GetAtt": attribute}:
            return known[attribute.partition(".")[0]]
        case {"Sub": [text, own]}:
            return resolve({"Sub": text}, dict(known) | {name: resolve(own[name], known) for name in own})
        case {"Sub": text}:
            return _REFERENCE.sub(lambda match: known[match[1].partition(".")[0]], text)
        case {"If": [condition, yes, no]}:
            return resolve(yes if holds({"Condition": condition}, known) else no, known)
        case {"Select": [index, {"Split": [separator, text]}]}:
            return resolve(text, known).split(separator)[int(index)]
        case {"FindInMap": [name, first, second]}:
            found = _TEMPLATE["Mappings"][name][resolve(first, known)][resolve(second, known)]
            return str(found)
        case str() | int():
            return str(value)
        case _:
            raise TypeError(f"not understood here: {value!r}")


def holds(condition: Any, known: Mapping[str, str]) -> bool:
    """Whether a condition is met, or that of a resource; without one it is."""
    match condition:
        case {"Condition": name}:
            return holds(_TEMPLATE["Conditions"][name], known)
        case {"Not": [negated]}:
            return not holds(negated, known)
        case {"And": parts}:
            return all(holds(part, known) for part in parts)
        case {"Or": parts}:
            return any(holds(part, known) for part in parts)
        case {"Equals": [left, right]}:
            return resolve(left, known) == resolve(right, known)
        case {"Type": _}:
            return True
        case _:
            raise TypeError(f"no condition that is understood here: {condition!r}")
