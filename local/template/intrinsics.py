"""CloudFormation's intrinsic functions, evaluated as far as that is possible before a deployment.

``chosen`` resolves every ``Fn::If`` and removes ``AWS::NoValue``; ``evaluated`` evaluates the rest.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

type Value = Any
type Template = dict[str, Any]

NO_VALUE = {"Ref": "AWS::NoValue"}
_REFERENCE = re.compile(r"\$\{(!?)([^}]+)\}")


class NotKnown(Exception):
    """A value known only after a deployment, or a function that is not supported here."""


def function_of(value: Value) -> str | None:
    """The intrinsic function in a value, such as ``Ref`` or ``Fn::Sub``; None if there is none."""
    if isinstance(value, dict) and len(value) == 1:
        name = str(next(iter(value)))
        if name in {"Ref", "Condition"} or name.startswith("Fn::"):
            return name
    return None


def walk(value: Value) -> Iterator[Value]:
    """The value and all nested values."""
    yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(child)


def conditions_in(value: Value) -> set[str]:
    """The conditions that a value depends on."""
    return {node["Fn::If"][0] for node in walk(value) if function_of(node) == "Fn::If"}


def chosen(value: Value, conditions: Mapping[str, bool]) -> Value:
    """The value without ``Fn::If`` and ``AWS::NoValue``. Raises KeyError for an unknown condition."""
    if function_of(value) == "Fn::If":
        name, yes, no = value["Fn::If"]
        return chosen(yes if conditions[name] else no, conditions)
    if isinstance(value, dict) and function_of(value) is None:
        items = ((key, chosen(item, conditions)) for key, item in value.items())
        return {key: item for key, item in items if item != NO_VALUE}
    if isinstance(value, list):
        return [item for item in (chosen(item, conditions) for item in value) if item != NO_VALUE]
    return (
        {key: chosen(item, conditions) for key, item in value.items()} if isinstance(value, dict) else value
    )


def evaluated(value: Value, known: Callable[[str], Value], mappings: Mapping[str, Any]) -> Value:
    """The value as CloudFormation would evaluate it.

    ``known`` gives the value of ``Ref`` by its name, and of ``Fn::GetAtt`` by "name.attribute".
    Raises NotKnown for values known only after a deployment.
    """

    def now(item: Value) -> Value:
        return evaluated(item, known, mappings)

    match value:
        case {"Ref": str(name)}:
            return known(name)
        case {"Fn::GetAtt": [str(name), attribute]}:
            return known(f"{name}.{attribute}")
        case {"Fn::GetAtt": str(name)}:
            return known(name)
        case {"Fn::Sub": [str(text), dict(own)]}:
            local = {name: now(item) for name, item in own.items()}
            return _substituted(text, lambda name: local[name] if name in local else known(name))
        case {"Fn::Sub": str(text)}:
            return _substituted(text, known)
        case {"Fn::FindInMap": [name, first, second]}:
            return mappings[now(name)][str(now(first))][str(now(second))]
    if function_of(value) is not None:
        return _of_list(value, now)
    if isinstance(value, dict):
        return {key: now(item) for key, item in value.items()}
    return [now(item) for item in value] if isinstance(value, list) else value


def holds(condition: Value, values: Callable[[Value], Value], conditions: Mapping[str, Value]) -> bool:
    """Whether a condition is met. ``values`` evaluates the operands; ``conditions`` are the named ones.

    Raises NotKnown for a function that is not supported here.
    """
    match condition:
        case {"Condition": str(name)}:
            return holds(conditions[name], values, conditions)
        case {"Fn::Not": [negated]}:
            return not holds(negated, values, conditions)
        case {"Fn::And": parts}:
            return all(holds(part, values, conditions) for part in parts)
        case {"Fn::Or": parts}:
            return any(holds(part, values, conditions) for part in parts)
        case {"Fn::Equals": [left, right]}:
            return str(values(left)) == str(values(right))
        case {"Fn::Contains": [items, item]}:
            return str(values(item)) in {str(each) for each in values(items)}
    raise NotKnown(f"{function_of(condition) or condition!r} is not understood here")


def _of_list(value: Value, now: Callable[[Value], Value]) -> Value:
    """A function of a list or of a string's parts."""
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(str(now(part)) for part in parts)
        case {"Fn::Split": [str(separator), text]}:
            return str(now(text)).split(separator)
        case {"Fn::Select": [index, items]}:
            return now(items)[int(now(index))]
        case {"Fn::GetAZs": _}:
            return [f"{now({'Ref': 'AWS::Region'})}{letter}" for letter in "abc"]
    raise NotKnown(f"{function_of(value)} is not understood here")


def _substituted(text: str, known: Callable[[str], Value]) -> str:
    """`${Name}` is replaced, and `${!Name}` is a literal `${Name}`."""
    return _REFERENCE.sub(lambda m: f"${{{m[2]}}}" if m[1] else str(known(m[2])), text)
