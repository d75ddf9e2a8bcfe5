"""Batches that the API does not create: not now, or not with what is in them."""

import math
from itertools import pairwise

import pytest

from a2a_tasks.batches.batcher import PARTS_AT_A_TIME
from a2a_tasks.batches.creation import pause_seconds
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.history.events import FULL, last_number
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.batches import CreationUnknown, NotAccepted
from tests.twins.batch_lane import BatchLane
from tests.twins.deployment import agent
from tests.twins.faults.failpoints import Failpoints

NOT_NOW = NotAccepted("Rate limited.")
NO_KEY = NotAccepted("The API answered 401: invalid x-api-key", needs_operator=True)
REFUSED = (FailureCode.EXECUTION_ERROR, "The API answered 400: poison")


@pytest.fixture
def lane() -> BatchLane:
    lane = BatchLane()
    lane.deployment.registry.apply(agent("rival", project_id="rival"))
    return lane


def of_rival(lane: BatchLane, message: str = "rival") -> Task:
    return lane.submit(message, project_id="rival", agent_id="rival")


def let_all_end(lane: BatchLane, tasks: list[Task], minutes: int = 60) -> None:
    for _ in range(minutes):
        lane.minute()
        lane.api.end()
        if all(lane.now_of(task).is_terminal for task in tasks) and not lane.batches.open:
            return
    pytest.fail(f"not all have ended after {minutes} minutes")


# -- not now


@pytest.mark.parametrize("refused", [NOT_NOW, NO_KEY])
def test_what_is_not_accepted_now_is_given_back_and_costs_no_attempt(
    lane: BatchLane, refused: NotAccepted
) -> None:
    tasks = [lane.submit("one"), lane.submit("two")]
    lane.api.unwilling.append(refused)
    lane.minute()
    for task in tasks:
        waiting = lane.now_of(task)
        assert (waiting.status, waiting.attempt, waiting.spent) == (Status.PENDING, 0, ())
    assert not lane.batches.open

    let_all_end(lane, tasks, minutes=5)

    assert [lane.api.times_sent(task) for task in tasks] == [1, 1]
    assert {lane.now_of(task).attempt for task in tasks} == {1}
    assert lane.batches.project("demo").refusals == 0


def test_to_wait_for_an_api_that_accepts_nothing_is_no_run_time(lane: BatchLane) -> None:
    task = lane.submit("one", timeout_ms=600_000)
    lane.api.unwilling = [NOT_NOW] * 10

    let_all_end(lane, [task], minutes=90)

    assert lane.now_of(task).status is Status.COMPLETED
    assert len(lane.api.creations) == 11


def test_an_operator_sees_what_is_not_accepted_and_why(lane: BatchLane) -> None:
    lane.submit("one")
    lane.api.unwilling.append(NO_KEY)

    lane.minute()

    telemetry = lane.deployment.telemetry
    (problem,) = telemetry.problems
    assert problem.name == "batch not accepted"
    assert problem.fields["reason"] == NO_KEY.reason
    assert (problem.fields["project_id"], problem.fields["needs_operator"]) == ("demo", True)
    assert telemetry.counts["BatchesNotAccepted"] == 1


def test_a_project_waits_longer_each_time_and_nobody_is_hammered(lane: BatchLane) -> None:
    lane.submit("one")
    lane.api.unwilling = [NOT_NOW] * 100
    asked: list[int] = []
    for minute in range(30):
        before = len(lane.api.creations)
        lane.minute()
        asked += [minute] * (len(lane.api.creations) - before)

    # a minute, two, four, then five at a time; given back, a task is in line for a minute
    assert [later - earlier for earlier, later in pairwise(asked)] == [2, 3, 5, 6, 6, 6]


@pytest.mark.parametrize(
    ("refusals", "asked", "seconds"),
    [
        (0, None, 60),
        (1, None, 120),
        (2, 5.0, 240),
        (3, None, 300),
        (10**6, None, 300),
        (0, 100.0, 100),
        (9, 600.0, 600),
        (0, 1e9, 900),
    ],
)
def test_how_long_a_project_waits(refusals: int, asked: float | None, seconds: float) -> None:
    assert pause_seconds(refusals, asked) == seconds


def test_while_a_project_waits_its_other_tasks_stay_in_line_untouched(lane: BatchLane) -> None:
    lane.submit("one")
    lane.api.unwilling = [NOT_NOW] * 3
    lane.minute()
    later = lane.submit("two")
    points = Failpoints()

    lane.deployment.clock.advance(59)
    lane.work(points)

    assert points.calls["store.claim"] == 0
    assert lane.now_of(later).fence == 0


def test_a_project_that_was_not_accepted_tries_with_few(lane: BatchLane) -> None:
    tasks = [lane.submit(f"{number}") for number in range(150)]
    lane.api.unwilling = [NOT_NOW, NOT_NOW]

    let_all_end(lane, tasks)

    assert lane.api.creations == [150, 100, 100, 50]


def test_after_some_refusals_in_a_row_a_run_asks_no_more(lane: BatchLane) -> None:
    for number in range(20):
        lane.deployment.registry.apply(agent(f"a{number}", project_id=f"p{number}"))
        lane.submit("hello", agent_id=f"a{number}", project_id=f"p{number}")
    lane.api.unwilling = [NOT_NOW] * 100

    assert not lane.minute().finished

    assert len(lane.api.creations) < 10


def test_while_nobody_knows_of_a_creation_the_project_makes_no_other(lane: BatchLane) -> None:
    first = lane.submit("one")
    points = Failpoints()
    points.fail("api.create", CreationUnknown("The API answered 500."))
    lane.minute(points)
    later = lane.submit("two")

    lane.deployment.clock.advance(59)
    lane.work()
    assert lane.now_of(later).fence == 0
    let_all_end(lane, [first, later])

    assert [lane.api.times_sent(task) for task in (first, later)] == [1, 1]
    assert lane.deployment.telemetry.counts["BatchesNotAccepted"] == 1


def test_what_is_never_accepted_ends_by_its_own_time(lane: BatchLane) -> None:
    task = lane.submit("one", queue_timeout_ms=3_600_000)
    lane.api.unwilling = [NO_KEY] * 100

    for _ in range(66):
        lane.minute()

    assert lane.failure_of(task)[0] is FailureCode.QUEUE_TIMEOUT
    assert not lane.batches.line


@pytest.mark.slow
def test_a_task_that_no_batch_takes_for_a_day_does_not_grow(lane: BatchLane) -> None:
    """Each write bills the whole record."""
    task = lane.submit()
    lane.api.unwilling = [NOT_NOW] * 2_000
    longest = 0
    while not lane.now_of(task).is_terminal:
        lane.minute()
        longest = max(longest, len(lane.now_of(task).events))
    ended = lane.now_of(task)
    assert ended.fence > 230, "every six minutes"
    assert longest <= FULL + 3
    # accepted, claimed and given back each time, ended
    assert last_number(ended.events) == 1 + 2 * ended.fence + 1


# -- not with what is in them


def test_a_task_that_the_api_refuses_fails_alone_with_the_reason(lane: BatchLane) -> None:
    task = lane.submit("poison")
    lane.api.refused.add("poison")

    lane.minute()

    assert lane.failure_of(task) == REFUSED
    assert not lane.now_of(task).usage.has_tokens
    assert not lane.batches.open
    assert not lane.batches.line


@pytest.mark.parametrize("guilty", [0, 49, 50, 99])
def test_of_a_refused_batch_only_the_guilty_fails(lane: BatchLane, guilty: int) -> None:
    tasks = [lane.submit("poison" if number == guilty else f"{number}") for number in range(100)]
    lane.api.refused.add("poison")

    let_all_end(lane, tasks)

    assert lane.failure_of(tasks.pop(guilty)) == REFUSED
    assert {lane.now_of(task).status for task in tasks} == {Status.COMPLETED}
    assert {lane.api.times_sent(task) for task in tasks} == {1}
    assert {lane.now_of(task).attempt for task in tasks} == {1}
    assert len(lane.api.creations) <= 1 + 2 * math.ceil(math.log2(100))
    assert lane.deployment.telemetry.counts["BatchesRefused"] <= 1 + math.ceil(math.log2(100))


def test_of_several_guilty_each_is_found(lane: BatchLane) -> None:
    tasks = [lane.submit("poison" if number in (3, 4, 70) else f"{number}") for number in range(100)]
    lane.api.refused.add("poison")

    let_all_end(lane, tasks)

    failed = [number for number, task in enumerate(tasks) if lane.now_of(task).status is Status.FAILED]
    assert failed == [3, 4, 70]
    assert {lane.api.times_sent(task) for n, task in enumerate(tasks) if n not in failed} == {1}


@pytest.mark.slow
def test_an_api_that_refuses_everything_is_asked_a_few_times_a_minute(lane: BatchLane) -> None:
    tasks = [lane.submit("poison") for _ in range(200)]
    lane.api.refused.add("poison")
    lane.minute()

    while lane.batches.open:
        before = len(lane.api.creations)
        lane.minute()
        assert len(lane.api.creations) - before <= PARTS_AT_A_TIME

    assert {lane.failure_of(task) for task in tasks} == {REFUSED}
    assert len(lane.api.creations) == 2 * 200 - 1


def test_a_part_goes_without_the_tasks_that_were_canceled_meanwhile(lane: BatchLane) -> None:
    tasks = [lane.submit(message) for message in ("one", "two", "three", "poison")]
    lane.api.refused.add("poison")
    lane.minute()
    lane.deployment.finalizer().cancel(lane.now_of(tasks[0]))

    let_all_end(lane, tasks)

    assert [lane.api.times_sent(task) for task in tasks] == [0, 1, 1, 0]


def test_an_entry_left_in_line_by_a_run_that_died_is_of_the_batch_that_was_split(lane: BatchLane) -> None:
    tasks = [lane.submit("one"), lane.submit("poison")]
    lane.api.refused.add("poison")
    points = Failpoints()
    points.down("batches.drop", RuntimeError("died"))
    lane.minute(points)
    assert lane.batches.is_in_line(tasks[0])

    for _ in range(4):
        lane.minute()

    assert not lane.batches.line
    assert lane.now_of(tasks[0]).status is Status.RUNNING
    assert lane.api.times_sent(tasks[0]) == 1


# -- tenants


def test_a_refusal_touches_no_other_project(lane: BatchLane) -> None:
    poison, other = lane.submit("poison"), of_rival(lane)
    lane.api.refused.add("poison")

    lane.minute()

    assert lane.failure_of(poison) == REFUSED
    assert lane.api.times_sent(other) == 1
    assert lane.now_of(other).attempt == 1


def test_a_project_that_waits_holds_up_no_other(lane: BatchLane) -> None:
    lane.submit("one")
    lane.api.unwilling = [NOT_NOW]
    lane.minute()

    other = of_rival(lane)
    lane.deployment.clock.advance(59)
    lane.work()
    assert lane.api.times_sent(other) == 0, "it waits for others"
    lane.deployment.clock.advance(1)
    lane.work()

    assert lane.api.times_sent(other) == 1
