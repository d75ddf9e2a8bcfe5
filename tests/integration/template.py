"""What ``template.yaml`` says of tables and environments, so that tests run on what is deployed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: ``!Ref X`` becomes ``{"Ref": "X"}``."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
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


def resource_properties(logical_id: str) -> dict[str, Any]:
    properties: dict[str, Any] = _TEMPLATE["Resources"][logical_id]["Properties"]
    return properties


def table_definition(logical_id: str) -> dict[str, Any]:
    """The arguments of ``create_table`` that make a table of the template."""
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    properties = resource_properties(logical_id)
    return {name: properties[name] for name in wanted if name in properties}


def environment(function: str, resources: Mapping[str, str]) -> dict[str, str]:
    """A function's variables with the parameters' defaults; ``resources`` are the names of those it uses."""
    defaults = {name: str(entry["Default"]) for name, entry in _TEMPLATE["Parameters"].items()}
    known = defaults | dict(resources)
    shared = _TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = resource_properties(function)["Environment"]["Variables"]
    return {name: _resolve(value, known) for name, value in (shared | own).items()}


def _resolve(value: Any, known: Mapping[str, str]) -> str:
    match value:
        case {"Ref": name}:
            return known[name]
        case {"GetAtt": attribute}:
            return known[attribute.partition(".")[0]]
        case {"Sub": text}:
            return _REFERENCE.sub(lambda match: known[match[1]], text)
        case str() | int():
            return str(value)
        case _:
            raise TypeError(f"not understood here: {value!r}")
