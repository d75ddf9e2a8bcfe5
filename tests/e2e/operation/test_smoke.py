"""The smoke test's fast set against the local deployment; what an emulator cannot show is skipped."""

import pytest
from rich.console import Console

from a2actl.deployment.stack import Stack
from local.deployed import Deployed
from tests.smoke.check import Result
from tests.smoke.checks import CHECKS
from tests.smoke.report import Report
from tests.smoke.runner import Runner
from tests.smoke.target import Target

NOT_SHOWN = {
    "throttling",
    "metrics",
    "no recursion",
    "the alarm of the dead task",
}
ELSEWHERE = {"a killed worker"}
"""Done by ``test_faults``: a worker that is killed takes half a minute to be succeeded."""


@pytest.mark.timeout(600)
def test_a_local_deployment_passes_what_an_emulator_can_show(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in deployed.stack.aws_environment.items():
        monkeypatch.setenv(name, value)
    target = Target.of(Stack(deployed.stack.stack_name), deployed.api_url)
    checks = [check for check in CHECKS if not check.is_long and check.name not in ELSEWHERE]

    outcomes = Runner(target, checks, Report(Console(width=200))).run()

    failed = {one.check: one.seen for one in outcomes if one.result is Result.FAILED}
    assert failed == {}
    assert {one.check for one in outcomes if one.result is Result.SKIPPED} == NOT_SHOWN
    assert {one.check for one in outcomes} == {"removal", *(check.name for check in checks)}
    listed = deployed.client("secretsmanager").list_secrets()["SecretList"]
    assert [one["Name"] for one in listed if "smoke-" in one["Name"]] == []
    assert [
        one.project_id for one in target.deployment.registry.projects() if "smoke-" in one.project_id
    ] == []
