"""A pytest plugin, loaded in the kit's own environment. It writes each test's outcome to the file named by
``CONFORMANCE_RESULTS``, one JSON object a line. It imports nothing from this repository."""

import json
import os
from collections.abc import Generator

import pytest

LEVELS = ("must", "should", "may")
BINDINGS = ("jsonrpc", "http_json", "grpc")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        outcome = "failed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
        line = {
            "id": item.nodeid,
            "level": _marked(item, LEVELS),
            "binding": _parameter(item) or _marked(item, BINDINGS),
            "outcome": outcome,
            "reason": _reason(report),
        }
        with open(os.environ["CONFORMANCE_RESULTS"], "a", encoding="utf-8") as results:
            results.write(json.dumps(line) + "\n")
    return report


def _marked(item: pytest.Item, names: tuple[str, ...]) -> str:
    return next((name for name in names if item.get_closest_marker(name)), "")


def _parameter(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    return "" if callspec is None else str(callspec.params.get("transport", ""))


def _reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail)
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return report.longreprtext if crash is None else str(crash.message)
