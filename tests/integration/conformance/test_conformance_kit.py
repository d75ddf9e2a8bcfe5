"""A run of a kit: a small one of our own, with the tests' own Python in place of its environment."""

import sys
from pathlib import Path

import pytest

from local.conformance.kit import Kit, Result
from local.tools import ToolEnvironment, ToolError

CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--sut-host")
    parser.addoption("--transport")
"""
TESTS = """
import pytest

@pytest.mark.must
@pytest.mark.parametrize("transport", ["jsonrpc", "http_json"])
def test_both(transport, request):
    assert request.config.getoption("--sut-host") == "http://agent"
    assert transport == "jsonrpc"

@pytest.mark.should
@pytest.mark.http_json
def test_one():
    pytest.xfail("not yet")

@pytest.mark.may
def test_none():
    pytest.skip("not offered")

@pytest.mark.must
def test_broken(missing): ...
"""


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kit:
    monkeypatch.setattr(ToolEnvironment, "program", lambda *_: sys.executable)
    tests = tmp_path / "kit" / "tests" / "compatibility"
    tests.mkdir(parents=True)
    (tests / "conftest.py").write_text(CONFTEST)
    (tests / "test_it.py").write_text(TESTS)
    return Kit(tmp_path / "kit", tmp_path / "output")


def test_each_test_is_told_with_its_level_and_binding(kit: Kit) -> None:
    before = set(kit.folder.rglob("*"))

    results = kit.run("http://agent")

    told = [(each.id.partition("::")[2], each.level, each.binding, each.outcome) for each in results]
    assert told == [
        ("test_both[jsonrpc]", "must", "jsonrpc", "passed"),
        ("test_both[http_json]", "must", "http_json", "failed"),
        ("test_one", "should", "http_json", "failed"),
        ("test_none", "may", "", "skipped"),
        ("test_broken", "must", "", "failed"),
    ]
    assert all(isinstance(each, Result) and (each.reason or each.outcome == "passed") for each in results)
    assert set(kit.folder.rglob("*")) == before, "a checkout is only read"


def test_a_run_that_breaks_off_is_an_error_with_the_end_of_its_log(kit: Kit) -> None:
    (kit.folder / "tests" / "compatibility" / "conftest.py").write_text("import nothing_of_that_name")

    with pytest.raises(ToolError, match="nothing_of_that_name"):
        kit.run("http://agent")


def test_a_folder_that_is_no_kit_is_an_error_that_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="git clone -b"):
        Kit(tmp_path, tmp_path).check()
