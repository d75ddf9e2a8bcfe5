"""Creating a batch at the API: not answered, found again, made again; never twice."""

import asyncio
from dataclasses import replace

import pytest

from a2a_tasks.batches import creation
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.batches import CreationUnknown
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.model import ModelBusy
from tests.integration.support.texts import incompressible
from tests.twins.batch_lane import RUN_SECONDS, BatchLane
from tests.twins.faults.failpoints import Crash, Failpoints

LOST = CreationUnknown("The connection to the model was lost.")


@pytest.fixture
def lane() -> BatchLane:
    return BatchLane()


def test_a_creation_without_effect_or_answer_is_made_again_after_five_minutes(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.minute(points)
    for _ in range(4):
        lane.minute()
        assert not lane.api.batches

    lane.minute()
    lane.api.end()
    lane.minute()

    done = lane.now_of(task)
    assert (done.status, done.attempt, lane.api.times_sent(task)) == (Status.COMPLETED, 1, 1)


def test_a_creation_that_takes_too_long_is_given_up_and_its_batch_found(
    lane: BatchLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creation, "CREATE_SECONDS", 0.01)
    task = lane.submit("one")
    lane.deployment.clock.advance(60)
    lane.api.is_silent = True
    asyncio.run(lane.batcher().work(lambda: RUN_SECONDS))  # the limit is in real time
    lane.api.is_silent = False

    for _ in range(3):
        lane.minute()
        lane.api.end()
    lane.minute()

    assert (lane.now_of(task).status, lane.api.times_sent(task)) == (Status.COMPLETED, 1)


def test_a_creation_is_left_alone_while_it_may_be_under_way(lane: BatchLane) -> None:
    lane.submit("one")
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.minute(points)
    lane.minute(points)
    assert points.calls["api.created_between"] == 0

    lane.minute(points)

    assert points.calls["api.created_between"] == 1


def test_only_one_of_two_runs_makes_a_creation_again(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.minute(points)
    lane.deployment.clock.advance(300)
    second = Failpoints()
    second.before("batches.update", lane.work_meanwhile)

    lane.work(second)

    assert not second.interludes
    assert lane.api.times_sent(task) == 1


def test_batches_known_to_be_others_do_not_hold_a_creation_up(lane: BatchLane) -> None:
    lane.under_way("ours, of one task, and in progress")
    lane.api.foreign(2)
    task = lane.submit("one")
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.minute(points)

    for _ in range(5):
        lane.minute()

    assert lane.api.times_sent(task) == 1


def test_a_creation_whose_answer_was_lost_is_found_by_its_results(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()
    points.fail("api.create", LOST, after=True)
    lane.minute(points)
    for _ in range(30):
        lane.minute()
    assert lane.now_of(task).status is Status.RUNNING

    lane.api.end()
    lane.minute()
    lane.minute()

    assert (lane.now_of(task).status, lane.api.times_sent(task)) == (Status.COMPLETED, 1)
    assert lane.deployment.telemetry.counts["BatchesRecovered"] == 1


def test_a_batch_of_somebody_else_is_not_taken_for_ours(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.deployment.clock.advance(30)
    lane.api.foreign(1)
    lane.api.foreign(2)
    lane.minute(points)
    lane.api.foreign(1)
    for _ in range(10):
        lane.minute()
    assert lane.api.times_sent(task) == 0, "one of them may be ours"

    lane.api.end()
    lane.minute()
    lane.api.end()
    lane.minute()

    assert (lane.now_of(task).status, lane.api.times_sent(task)) == (Status.COMPLETED, 1)


def test_an_earlier_batch_of_the_same_task_is_not_taken_for_a_new_one(lane: BatchLane) -> None:
    lane.api.on("one", ModelBusy("Overloaded."))
    (task,) = lane.under_way("one")
    lane.api.end()
    lane.minute()
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.minute(points)
    lane.minute(points)
    assert lane.now_of(task).attempt == 2

    for _ in range(6):
        lane.minute()
    lane.api.end()
    lane.minute()

    done = lane.now_of(task)
    assert (done.status, done.attempt, lane.api.times_sent(task)) == (Status.COMPLETED, 2, 2)


def test_a_batch_whose_id_was_not_written_down_is_adopted_at_once(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()
    points.fail("batches.update", StoreUnavailable("no answer"))
    lane.minute(points)
    lane.minute()
    lane.minute()

    assert [batch.api_id for batch in lane.batches.open.values()] == ["msgbatch_0"]
    lane.api.end()
    lane.minute()
    assert (lane.now_of(task).status, lane.api.times_sent(task)) == (Status.COMPLETED, 1)


def test_of_a_batch_that_was_never_created_only_what_still_waits_is_submitted(lane: BatchLane) -> None:
    tasks = [lane.submit("one"), lane.submit("two")]
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.minute(points)
    lane.deployment.finalizer().cancel(lane.now_of(tasks[0]))
    for _ in range(5):
        lane.minute()

    assert [lane.api.times_sent(task) for task in tasks] == [0, 1]
    lane.api.end()
    lane.minute()
    assert lane.now_of(tasks[1]).status is Status.COMPLETED
    assert not lane.batches.open


def test_a_batch_that_was_never_created_is_forgotten_with_its_last_task(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.minute(points)
    lane.deployment.finalizer().cancel(lane.now_of(task))
    for _ in range(5):
        lane.minute()

    assert not lane.api.batches
    assert not lane.batches.open


def test_of_a_batch_that_was_never_created_what_cannot_be_prepared_goes_back_in_line(lane: BatchLane) -> None:
    poison, other = lane.submit(incompressible(20_000)), lane.submit("one")
    points = Failpoints()
    points.fail("api.create", LOST)
    lane.minute(points)
    failing = Failpoints()
    failing.down("payloads", MemoryError())
    for _ in range(9):
        lane.minute(failing)

    assert (lane.api.times_sent(poison), lane.api.times_sent(other)) == (0, 1)
    assert "in 3 tries" in lane.failure_of(poison)[1]
    assert not lane.batches.line


# -- runs that die, and runs at the same time


def test_claims_of_a_dead_run_are_given_back_as_no_attempt(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()
    points.fail("batches.begin", Crash("SIGKILL"))
    with pytest.raises(Crash):
        lane.minute(points)
    assert lane.now_of(task).status is Status.RUNNING

    for _ in range(3):
        lane.minute()

    assert lane.api.times_sent(task) == 1
    assert lane.now_of(task).attempt == 1


def test_a_run_that_was_taken_for_dead_submits_nothing(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()

    def others_take_over() -> None:
        for _ in range(5):
            lane.deployment.clock.advance(60)
            lane.work_meanwhile()

    points.before("batches.begin", others_take_over)
    lane.minute(points)

    assert len(lane.api.batches) == 1
    assert lane.api.times_sent(task) == 1


def test_a_claim_whose_answer_was_lost_is_given_back_when_its_batch_went_without_it(
    lane: BatchLane,
) -> None:
    tasks = [lane.submit("one"), lane.submit("two")]
    points = Failpoints()
    points.fail("store.claim", StoreUnavailable("no answer"), after=True)
    lane.minute(points)
    assert [lane.api.times_sent(task) for task in tasks] == [0, 1]
    assert lane.now_of(tasks[0]).status is Status.RUNNING

    for _ in range(4):
        lane.minute()

    assert [lane.api.times_sent(task) for task in tasks] == [1, 1]


def test_an_entry_made_anew_survives_a_late_drop(lane: BatchLane) -> None:
    task = lane.submit("one")
    points = Failpoints()

    def busy_and_back() -> None:
        current = lane.now_of(task)
        now = lane.deployment.clock.now()
        lane.batches.enqueue(replace(current, not_before=now + 1), now)

    points.before("batches.drop", busy_and_back)
    lane.minute(points)

    assert lane.batches.is_in_line(task)
