"""Twenty workers, thousands of tasks, and a model that turns calls away for an hour."""

import itertools
import statistics

import pytest

from a2a_tasks.domain.pace import IN_A_ROW
from a2a_tasks.domain.task import Priority
from tests.unit.execution.model_weather import Waiting, Weather

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
def weather() -> Weather:
    world = Weather(lambda model, second: model == BAD and second < HOUR)
    world.add(COUNT, BAD)
    world.run(HOUR + 900)
    return world


def test_while_it_lasts_less_than_one_call_a_second_is_made(weather: Weather) -> None:
    calls = weather.calls[BAD]
    assert sum(calls[second] for second in range(ONSET_SECONDS)) <= (IN_A_ROW + 1) * weather.workers
    later = [calls[second] for second in range(ONSET_SECONDS, HOUR)]
    assert max(later) <= 1
    assert statistics.mean(later) < 0.2


def test_it_is_at_full_speed_two_minutes_after_the_first_success(weather: Weather) -> None:
    first, *_ = taken = weather.successes[BAD]
    assert weather.second(first) - HOUR <= 15
    pace = weather.paces.paces[next(iter(weather.paces.paces))]
    assert pace.is_over(first + 120_000)
    assert len([at for at in taken if at <= first + 120_000]) > 0.8 * COUNT


def test_every_task_is_done(weather: Weather) -> None:
    assert max(ends(weather.tasks)) < HOUR + 300


def test_the_item_is_written_a_few_times_a_second_at_most(weather: Weather) -> None:
    calls = weather.paces.calls
    assert (calls["put"] + calls["take"]) / 60 < 200
    assert calls["pace"] <= 2 * weather.workers


def test_a_task_that_waits_comes_back_now_and_then(weather: Weather) -> None:
    assert weather.cycles / COUNT < 80


def test_another_models_tasks_notice_nothing() -> None:
    weather = Weather(lambda model, _: model == BAD)
    weather.add(500, BAD)
    weather.run(60)
    fine = weather.add(500, "fine-1")
    weather.run(1)
    assert max(ends(fine)) <= weather.second(weather.clock.now()) + weather.seconds
    assert {way.model for way in weather.paces.paces} == {BAD}


def test_those_of_high_priority_go_first() -> None:
    weather = Weather(lambda _, second: second < 600)
    normal = weather.add(300)
    weather.run(300)
    high = weather.add(30, priority=Priority.HIGH)
    weather.run(900)

    assert max(ends(high)) < statistics.median(ends(normal))


def test_now_and_then_a_call_is_turned_away_without_slowing_the_others() -> None:
    odd = itertools.count()
    weather = Weather(lambda _, __: next(odd) % 20 == 0)
    weather.add(2_000)
    weather.run(30)
    assert weather.paces.calls == {"pace": weather.workers}, "each looks once, for a task that came back"
    assert max(ends(weather.tasks)) < 30


def test_in_fine_weather_nothing_is_read_or_written() -> None:
    weather = Weather(lambda _, __: False)
    weather.add(1_000)
    weather.run(10)
    assert not weather.paces.calls
