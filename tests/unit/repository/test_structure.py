"""What keeps the tree easy to find one's way in: small folders and short functions."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from local.tools import ROOT

MOST_FILES = 20
"""Directly in a folder. One with more holds several subjects, each of which makes a folder of its own."""
MOST_LINES = 60
"""Of a function, from ``def`` to its end."""
CODE = ("layers", "functions", "cli", "local", "bench", "docs")
IGNORED = (".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()))


def is_ignored(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in IGNORED)


def folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder with the files in it, without git: a release may be tested as an archive, unpacked."""
    for folder, below, files in root.walk():
        below[:] = [name for name in below if not is_ignored(name)]
        yield folder, [name for name in files if not is_ignored(name)]


def too_large(root: Path) -> dict[str, int]:
    return {
        str(folder.relative_to(root)): len(files)
        for folder, files in folders(root)
        if len(files) > MOST_FILES
    }


def too_long(source: str) -> dict[str, int]:
    """Lines of each function that has too many, by its name."""
    return {
        node.name: lines
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_LINES
    }


def test_no_folder_has_many_files() -> None:
    assert too_large(ROOT) == {}


@pytest.mark.parametrize("folder", CODE)
def test_no_function_is_long(folder: str) -> None:
    found = {
        str(below.relative_to(ROOT) / name): functions
        for below, files in folders(ROOT / folder)
        for name in files
        if name.endswith(".py") and (functions := too_long((below / name).read_text("utf-8")))
    }

    assert found == {}


def test_a_folder_with_many_files_is_found(tmp_path: Path) -> None:
    full = tmp_path / "some" / "folder"
    for folder in (full, full / "__pycache__", tmp_path / ".venv"):
        folder.mkdir(parents=True)
        for number in range(MOST_FILES):
            (folder / f"{number}.py").touch()
    assert too_large(tmp_path) == {}

    (full / "one_more.txt").touch()
    (tmp_path / ".venv" / "one_more.txt").touch()
    assert too_large(tmp_path) == {"some/folder": MOST_FILES + 1}


def test_a_long_function_is_found() -> None:
    body = "    pass\n" * (MOST_LINES - 1)

    assert too_long(f"@decorated\ndef short():\n{body}") == {}
    two = "def f():\n" + body + "    pass\n" + "def f():\n    pass\n"
    assert too_long(two) == {"f": MOST_LINES + 1}
    assert too_long(f"class A:\n  async def long(self):\n{body}    pass\n") == {"long": MOST_LINES + 1}
