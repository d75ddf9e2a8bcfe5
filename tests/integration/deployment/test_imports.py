"""`make lint` finds an import that goes up."""

import shutil
from pathlib import Path

import pytest

from local.imports import check_imports
from local.tools import ROOT, ToolError

CORE = ROOT / "layers" / "core"


def test_the_packages_are_in_order() -> None:
    check_imports(CORE)


@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        ("domain/ids.py", "a2a_tasks.ports.clock", "A package knows only those below it BROKEN"),
        ("tasks/queries.py", "a2a_tasks.execution.worker", "A package knows only those below it BROKEN"),
        ("wecom/protocol/text.py", "a2a_tasks.wecom.ports", "WeCom's protocol knows nothing of tasks BROKEN"),
        ("tasks/queries.py", "a2a_tasks.views.tasks", "A package knows only those below it BROKEN"),
        ("tasks/queries.py", "boto3", "Only adapters and wiring know AWS and Claude BROKEN"),
    ],
)
def test_what_goes_up_is_named(tmp_path: Path, importer: str, imported: str, contract: str) -> None:
    shutil.copytree(CORE / "a2a_tasks", tmp_path / "a2a_tasks")
    with (tmp_path / "a2a_tasks" / importer).open("a") as module:
        module.write(f"\n\nimport {imported}\n")

    with pytest.raises(ToolError, match=contract):
        check_imports(tmp_path)
