"""Templates as Python values, for the tests that hold them against rules.

A rule is a function from a template to what breaks it, and a mistake is one that a rule must find.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

type Template = dict[str, Any]
type Rule = Callable[[Template], list[str]]


def of_type(template: Template, *types: str) -> dict[str, dict[str, Any]]:
    return {name: item["Properties"] for name, item in template["Resources"].items() if item["Type"] in types}


def referenced(value: object) -> set[str]:
    """The logical ids that a value names by Ref, GetAtt or Sub."""
    found: set[str] = set()
    for node in walk(value):
        match node:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
                found.add(name.split(".")[0])  # SAM's own `Function.Alias`
            case {"Fn::Sub": str(text)}:
                found |= {name.split(".")[0] for name in re.findall(r"\$\{([^}]+)\}", text)}
    return found


def functions_in(template: Template, value: object) -> set[str]:
    """The same, with functions in place of their aliases."""
    aliases = of_type(template, "AWS::Lambda::Alias")
    return {aliases[name]["FunctionName"]["Ref"] if name in aliases else name for name in referenced(value)}


def walk(value: object) -> Iterator[object]:
    yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(child)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def change(*path: str, to: object) -> Callable[[Template], None]:
    def mistake(template: Template) -> None:
        target = template
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = to

    return mistake


def drop(*path: str) -> Callable[[Template], None]:
    def mistake(template: Template) -> None:
        target = template
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]

    return mistake


def properties(name: str, *path: str) -> tuple[str, ...]:
    return ("Resources", name, "Properties", *path)
