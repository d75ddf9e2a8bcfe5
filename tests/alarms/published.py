"""What the code may publish: each text that stands in it, of which metrics' names and codes are some."""

import ast
from functools import cache

from local.tools import ROOT


@cache
def texts_of_the_code() -> frozenset[str]:
    paths = [*(ROOT / "layers" / "core").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    return frozenset(
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
