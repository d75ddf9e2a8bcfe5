"""A local stack that releases are deployed to. Its folder stays, with the logs in it, if a test failed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.local_stack import LocalStack
from tests.upgrade.releases import Upgraded


@pytest.fixture
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upgraded]:
    folder = Path(tempfile.mkdtemp(prefix="a2a-tasks-upgrade-"))
    stack = LocalStack.separate(folder)
    stack.ports.save(tmp_path / "ports.json")
    try:
        yield Upgraded(stack, tmp_path / "ports.json")
    finally:
        stack.kill()
        if not request.session.testsfailed:
            shutil.rmtree(folder, ignore_errors=True)
