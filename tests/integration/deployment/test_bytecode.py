"""Bytecode in what is deployed: Lambda's disk is read-only, and what has none is compiled by each start."""

import importlib.util
import marshal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.support.template import ROOT, document, resources_of_type

UNCHECKED_HASH = 1
"""The flags of bytecode that is taken as it is (PEP 552)."""
HEADER_BYTES = 16


def test_functions_of_many_modules_are_built_with_their_bytecode() -> None:
    resources = document()["Resources"]
    methods: dict[str, str] = {}
    for name in resources_of_type("AWS::Serverless::Function"):
        code = ROOT / resources[name]["Properties"]["CodeUri"]
        if len([module for module in code.rglob("*.py") if module.name != "__init__.py"]) > 1:
            methods[name] = resources[name]["Metadata"].get("BuildMethod", "")

    assert methods == {"ApiFunction": "makefile", "MessagesFunction": "makefile"}


@pytest.mark.parametrize("logical_id", ["ApiFunction", "MessagesFunction"])
def test_each_module_of_the_api_has_bytecode_that_names_where_lambda_has_it(
    logical_id: str, tmp_path: Path
) -> None:
    source = ROOT / "functions" / "api"

    # as `sam build` calls it, which does so in a copy of the function's folder
    subprocess.run(
        ["make", "--makefile", source / "Makefile", f"build-{logical_id}"],
        cwd=source,
        env={"PATH": "/usr/bin:/bin", "ARTIFACTS_DIR": str(tmp_path), "PYTHON": sys.executable},
        check=True,
        capture_output=True,
    )

    built = tmp_path / "functions" / "api"
    assert {path.relative_to(built) for path in built.rglob("*.py")} == {
        path.relative_to(source) for path in source.rglob("*.py")
    }
    assert not (built / "Makefile").exists()
    for module in built.rglob("*.py"):
        bytecode = Path(importlib.util.cache_from_source(str(module))).read_bytes()
        assert bytecode[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(bytecode[4:8], "little") == UNCHECKED_HASH
        code = marshal.loads(bytecode[HEADER_BYTES:])  # noqa: S302  made just now
        assert code.co_filename == str(Path("/var/task") / module.relative_to(tmp_path))
