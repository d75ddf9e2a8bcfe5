"""What must hold under load, at the size of a test; ``make simulate`` runs the large scenarios."""

import pytest

from tests.load.scenario import Scenario
from tests.load.scenarios import ALL


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(each, id=each.name.replace(" ", "-")) for each in ALL if each.quick is not None],
)
def test_what_must_hold(scenario: Scenario) -> None:
    """A claim that waits for a change must not hold yet: the change must remove its ``waits_for``."""
    report = scenario.run(scale=scenario.quick or 1.0)
    broken = set(scenario.broken(report))
    waiting = {claim for claim in scenario.claims if claim.waits_for}

    assert not {claim.what: claim.figure(report) for claim in broken - waiting}
    assert not {claim.what: claim.waits_for for claim in waiting - broken}, (
        "these hold now: take the mark away"
    )
    if broken:
        pytest.xfail("; ".join(f"{claim.what} waits for {claim.waits_for}" for claim in broken))
