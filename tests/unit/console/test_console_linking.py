"""The console's modules as one script."""

import re
from graphlib import CycleError
from pathlib import Path

import pytest

from functions.api.console.answers import STATIC
from functions.api.console.linking import NotLinkable, linked

DANGEROUS = re.compile(
    r"(?:inner|outer)HTML\s*\+?=|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write"
    r"|\beval\s*\(|\bnew Function\b"
)
"""What sets markup, or runs text as code."""


def written(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder / "main.js"


def test_what_is_imported_comes_first_and_once(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import { b } from "./b.js";\nimport {\n  c,\n} from "./c.js";\nb(c);\n',
        b='import { c } from "./c.js";\nexport function b() {\n  return c;\n}\n',
        c="export const c = 1;\n",
    )
    assert linked(entry).splitlines() == [
        "// c.js", "const c = 1;", "",
        "// b.js", "function b() {", "  return c;", "}", "",
        "// main.js", "b(c);",
    ]  # fmt: skip


def test_imports_of_vendored_modules_are_put_together_at_the_head(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import { h, render } from "./vendor/p.mjs";\nimport { b } from "./b.js";\nrender(h(b));\n',
        b='import htm from "./vendor/h.mjs";\nexport const b = htm(1);\n',
    )
    head = linked(entry).splitlines()[:3]
    assert head == ['import htm from "./h.mjs";', 'import { h, render } from "./p.mjs";', "// b.js"]


@pytest.mark.parametrize(
    "line",
    [
        "export default 1;",
        'export { a } from "./a.js";',
        'import * as a from "./a.js";',
        'import { a as b } from "elsewhere";',
        'import "./a.js";',
    ],
)
def test_other_forms_of_modules_are_refused_by_name(tmp_path: Path, line: str) -> None:
    with pytest.raises(NotLinkable, match=r"main\.js"):
        linked(written(tmp_path, main=f"{line}\n"))


def test_a_name_that_two_modules_declare_is_refused(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import { a } from "./a.js";\nconst twice = a;\n',
        a="export const a = 1;\nasync function twice() {}\n",
    )
    with pytest.raises(NotLinkable, match="twice"):
        linked(entry)


def test_modules_that_import_each_other_are_refused(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import { a } from "./a.js";\nexport const b = a;\n',
        a='import { b } from "./main.js";\nexport const a = b;\n',
    )
    with pytest.raises(CycleError):
        linked(entry)


def test_no_module_of_the_console_is_left_out() -> None:
    script = linked(STATIC / "main.js")
    names = {str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js") if "vendor" not in path.parts}
    assert names == {line.removeprefix("// ") for line in script.splitlines() if line.endswith(".js")}


def test_nothing_sets_markup_or_runs_text() -> None:
    script = linked(STATIC / "main.js")
    assert DANGEROUS.findall(script) == []
    for text in ("a.innerHTML=b", "a.outerHTML += b", "eval (b)", "new Function(b)", "document.writeln(b)"):
        assert DANGEROUS.search(text), text
