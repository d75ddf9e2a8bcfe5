"""Twenty workers, thousands of tasks, and a model that turns calls away for an hour."""

import itertools
import statistics

import pytest

from a2a_tasks.domain.overload.pace import IN_A_ROW
from a2a_tasks.domain.task import Priority
from tests.unit.execution.model.model_outage import Outage, Waiting

pytestmark = pytest.mark.slow

COUNT = 1_500
HOUR = 3_600
BAD = "overloaded-1"
ONSET_SECONDS = 2
"""Until the first answers are there nobody knows."""


def ends(tasks: list[Waiting]) -> list[float]:
    """When they were done, all of them: seconds since the beginning."""
    return [waiting.ended for waiting in tasks]


@pytest.fixture(scope="module")
def outage() -> Outage:
    world = Outage(lambda model, second: model == BAD and second < HOUR)
    world.add(COUNT, BAD)
    world.run(HOUR + 900)
    return world


def test_while_it_lasts_less_than_one_call_a_second_is_made(outage: Outage) -> None:
    calls = outage.calls[BAD]
    assert sum(calls[second] for second in range(ONSET_SECONDS)) <= (IN_A_ROW + 1) * outage.workers
    later = [calls[second] for second in range(ONSET_SECONDS, HOUR)]
    assert max(later) <= 1
    assert statistics.mean(later) < 0.2


def test_it_is_at_full_speed_two_minutes_after_the_first_success(outage: Outage) -> None:
    first, *_ = taken = outage.successes[BAD]
    assert outage.second(first) - HOUR <= 15
    pace = outage.paces.paces[next(iter(outage.paces.paces))]
    assert pace.is_over(first + 120_000)
    assert len([at for at in taken if at <= first + 120_000]) > 0.8 * COUNT


def test_every_task_is_done(outage: Outage) -> None:
    assert max(ends(outage.tasks)) < HOUR + 300


def test_the_item_is_written_a_few_times_a_second_at_most(outage: Outage) -> None:
    calls = outage.paces.calls
    assert (calls["put"] + calls["take"]) / 60 < 200
    assert calls["pace"] <= 2 * outage.workers


def test_a_task_that_waits_comes_back_now_and_then(outage: Outage) -> None:
    assert outage.cycles / COUNT < 80


def test_another_models_tasks_notice_nothing() -> None:
    outage = Outage(lambda model, _: model == BAD)
    outage.add(500, BAD)
    outage.run(60)
    fine = outage.add(500, "fine-1")
    outage.run(1)
    assert max(ends(fine)) <= outage.second(outage.clock.now()) + outage.seconds
    assert {pace_key.model for pace_key in outage.paces.paces} == {BAD}


def test_those_of_high_priority_go_first() -> None:
    outage = Outage(lambda _, second: second < 600)
    normal = outage.add(300)
    outage.run(300)
    high = outage.add(30, priority=Priority.HIGH)
    outage.run(900)

    assert max(ends(high)) < statistics.median(ends(normal))


def test_now_and_then_a_call_is_turned_away_without_slowing_the_others() -> None:
    odd = itertools.count()
    outage = Outage(lambda _, __: next(odd) % 20 == 0)
    outage.add(2_000)
    outage.run(30)
    assert outage.paces.calls == {"pace": outage.workers}, "each looks once, for a task that came back"
    assert max(ends(outage.tasks)) < 30


def test_without_throttling_nothing_is_read_or_written() -> None:
    outage = Outage(lambda _, __: False)
    outage.add(1_000)
    outage.run(10)
    assert not outage.paces.calls
