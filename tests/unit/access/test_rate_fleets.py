"""What rate limits cost and let through where many processes share them: few writes, and no more than a
twentieth over the limit in any minute."""

from itertools import pairwise

import pytest

from a2a_tasks.domain.access.rate import KeyLimits
from tests.unit.access.rate_fleet import Fleet

OVER = 1.05
FLEETS = [(2, 5.0), (20, 5.0), (200, 4.0)]
"""Processes, and how many of the key's requests each sees in a second at the limit."""


def fleet_of(processes: int, each: float, burst_seconds: int) -> tuple[Fleet, int]:
    """With the limit of its key a second. The burst is what comes back in so many seconds."""
    per_second = round(processes * each)
    limits = KeyLimits(per_second * 3_600, per_second * burst_seconds, 0, 1, 0)
    return Fleet(processes, limits), per_second


@pytest.mark.parametrize(("processes", "each"), FLEETS)
@pytest.mark.parametrize("used", [0.5, 0.95])
def test_below_the_limit_nobody_is_refused_and_few_write(processes: int, each: float, used: float) -> None:
    fleet, per_second = fleet_of(processes, each, 60)
    assert fleet.flow(per_second * used, 40) == 1
    fleet.takes = fleet.requests = 0  # by now each process knows what it is used for
    assert fleet.flow(per_second * used, 20) == 1
    assert fleet.takes <= 0.1 * fleet.requests


@pytest.mark.parametrize(("processes", "each"), FLEETS)
@pytest.mark.parametrize(("used", "writes"), [(1.3, 0.25), (3, 0.2)])
def test_who_goes_on_at_the_limit_gets_it_and_costs_few_writes(
    processes: int, each: float, used: float, writes: float
) -> None:
    fleet, per_second = fleet_of(processes, each, 5)
    fleet.flow(per_second * used, 20)
    fleet.takes = fleet.requests = 0
    share = fleet.flow(per_second * used, 10)
    assert 0.9 <= share * used <= OVER
    assert fleet.most_in(60) <= per_second * (5 + 30) * OVER
    assert fleet.takes <= writes * fleet.requests


@pytest.mark.parametrize(("processes", "each"), FLEETS)
def test_bursts_after_pauses_get_no_more(processes: int, each: float) -> None:
    fleet, per_second = fleet_of(processes, each, 10)
    for _ in range(3):
        fleet.flow(per_second * 0.8, 5)
        fleet.clock.advance(54)  # what was reserved is still good, and the bucket is whole again
        for _ in range(per_second * 15):
            fleet.request()
        fleet.clock.advance(60)
    # a twentieth of what may pass in a minute, with the burst
    assert fleet.most_in(0.001) <= per_second * (10 + 70 * (OVER - 1))
    assert fleet.most_in(60) <= per_second * 70 * OVER


@pytest.mark.parametrize(("processes", "each"), FLEETS)
def test_what_dead_processes_held_makes_nobody_wait(processes: int, each: float) -> None:
    fleet, per_second = fleet_of(processes, each, 60)
    for _ in range(5):
        assert fleet.flow(per_second * 0.8, 3) == 1
        fleet.die(0.5)


@pytest.mark.parametrize(("processes", "each"), FLEETS)
def test_while_the_table_is_throttled_all_pass_and_then_the_limit_holds(processes: int, each: float) -> None:
    fleet, per_second = fleet_of(processes, each, 5)
    fleet.flow(per_second * 2, 6)
    fleet.is_down = True
    assert fleet.flow(per_second * 2, 3) >= 0.5, "only who was found at the limit waits for its second"
    fleet.is_down, before = False, len(fleet.granted)
    fleet.flow(per_second * 3, 10)
    assert len(fleet.granted) - before <= per_second * (5 + 10) * OVER


@pytest.mark.parametrize("processes", [2, 20, 200])
@pytest.mark.parametrize(("per_hour", "seconds"), [(60, 3_600), (3_600, 300)])
def test_a_small_limit_is_exact(processes: int, per_hour: int, seconds: float) -> None:
    """A burst of one: the next comes when one has come back, and no sooner."""
    fleet, each = Fleet(processes, KeyLimits(per_hour, 1, 0, 1, 0)), 3_600 / per_hour
    fleet.flow(6 / each, seconds)
    assert min(later - earlier for earlier, later in pairwise(fleet.granted)) >= each - 0.002
    assert len(fleet.granted) >= seconds / each * 0.75


@pytest.mark.parametrize(("processes", "writes"), [(20, 0.33), (200, 1)])
def test_what_each_of_many_processes_sees_rarely_costs_more(processes: int, writes: float) -> None:
    """All together may hold sixty requests of a key that has ten a second: three each, or none."""
    fleet = Fleet(processes, KeyLimits(36_000, 600, 0, 1, 0))
    assert fleet.flow(8, 300) == 1
    assert fleet.takes <= writes * fleet.requests
