"""A public class name stands for one class, so that a reader of an import knows which one it is."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from local.tools import ROOT

CODE = ("layers/core", "functions")


def class_names(source: str) -> list[str]:
    """Public classes and type aliases of a module."""
    return [
        name
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef | ast.TypeAlias)
        and not (name := node.name if isinstance(node, ast.ClassDef) else node.name.id).startswith("_")
    ]


def shared_names(modules: Iterable[Path]) -> dict[str, list[str]]:
    """The modules of each name that more than one class has."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        for name in class_names(module.read_text("utf-8")):
            found[name].append(module.as_posix())
    return {name: sorted(places) for name, places in found.items() if len(places) > 1}


def test_a_class_name_stands_for_one_class() -> None:
    assert shared_names(path for folder in CODE for path in (ROOT / folder).rglob("*.py")) == {}


def test_a_name_of_two_classes_is_found(tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("class Call:\n    class Inner: ...\n\nclass _Entry: ...\n\ntype Part = str\n")
    second.write_text("class Inner: ...\n\nclass _Entry: ...\n\nclass Call: ...\n\nclass Part: ...\n")

    both = [first.as_posix(), second.as_posix()]
    assert shared_names([second, first]) == {"Call": both, "Part": both}
