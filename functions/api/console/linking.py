"""ECMAScript modules that lie in many files as the one that is sent.

A browser asks for all imports of a page at once. Each may be a cold start, and a new account has ten
processes in all. So the console's own modules become one script when a process first sends it: all in one
scope, those that are imported first. That takes little, because of how they are written:

- ``import { a, b } from "./c.js";``, by name, or a vendored default: ``import htm from "./vendor/htm.mjs";``
- what is exported is declared: ``export function``, ``export const``, ``export class``
- no two modules declare the same name
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

VENDORED = ".mjs"
"""How files of vendored modules are called."""
_IMPORT = re.compile(r'^import (?:\{(?P<names>[^}]*)\}|(?P<default>\w+)) from "(?P<source>\.[^"]+)";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?function\*? |const |class )", re.M)
_MODULE_SYNTAX = re.compile(r"^(?:import|export)\b.*", re.M)
_DECLARED = re.compile(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", re.M)


class NotLinkable(ValueError):
    """A module is not written as described above; the message names it."""


@dataclass
class _Script:
    """What was read so far: bodies of modules by path, and what they import of vendored ones by file name."""

    bodies: dict[Path, str] = field(default_factory=dict)
    graph: dict[Path, list[Path]] = field(default_factory=dict)
    vendored: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def read(self, module: Path) -> None:
        """Read a module and those that it imports."""
        if module in self.bodies:
            return
        text, imported = module.read_text(encoding="utf-8"), []
        for found in _IMPORT.finditer(text):
            source = (module.parent / found["source"]).resolve()
            if source.suffix == VENDORED:
                self.vendored[source.name] |= _names(found)
            else:
                imported.append(source)
        body = _EXPORT.sub("", _IMPORT.sub("", text))
        if left := _MODULE_SYNTAX.search(body):
            raise NotLinkable(f"{module.name}: {left[0]!r} is more than linking.py understands")
        self.bodies[module], self.graph[module] = body, imported
        for each in imported:
            self.read(each)


def linked(entry: Path) -> str:
    """The script of a module and all that it imports; vendored modules it imports as ``./<file name>``.

    Raises ``NotLinkable``, ``OSError`` for a module that is not there and ``graphlib.CycleError``.
    """
    script, entry = _Script(), entry.resolve()
    script.read(entry)
    heads = [f'import {_list(names)} from "./{name}";' for name, names in sorted(script.vendored.items())]
    order = list(TopologicalSorter(script.graph).static_order())
    _check_names(order, script.bodies)
    parts = [f"// {path.relative_to(entry.parent)}\n{script.bodies[path].strip()}\n" for path in order]
    return "\n".join([*heads, *parts])


def _names(found: re.Match[str]) -> set[str]:
    """The imported names; a default's with a star."""
    if found["default"]:
        return {f"*{found['default']}"}
    return {name.strip() for name in found["names"].split(",") if name.strip()}


def _list(names: set[str]) -> str:
    default = [name[1:] for name in names if name.startswith("*")]
    return default[0] if default else f"{{ {', '.join(sorted(names))} }}"


def _check_names(order: list[Path], bodies: dict[Path, str]) -> None:
    owners: dict[str, Path] = {}
    for path in order:
        for name in _DECLARED.findall(bodies[path]):
            if owners.setdefault(name, path) is not path:
                raise NotLinkable(f"{path.name}: {owners[name].name} declares {name} too")
