"""The order of the packages: which may import which (pyproject.toml, `tool.importlinter`)."""

import os
from pathlib import Path

from local.tools import IMPORT_LINTER, ROOT, run_tool


def check_imports(core: Path = ROOT / "layers" / "core") -> None:
    """Check the package in the folder `core`. Raises ToolError with each import that violates the order."""
    IMPORT_LINTER.ensure()
    run_tool(
        [IMPORT_LINTER.program("lint-imports"), "--no-cache", "--no-logo"],
        os.environ | {"PYTHONPATH": str(core)},
    )
