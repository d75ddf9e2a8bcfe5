"""The batch lane: tasks wait, go to the model together at half the price, and end as any other does."""

from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.batches import requests, submission
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.task import Budget, Status, Task
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batches import UnprocessedReason
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from tests.integration.support.texts import incompressible
from tests.twins.batch_lane import BatchLane
from tests.twins.deployment import agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.stores.batches import Outcome, answer

DAY = "2026-01-01"
DAY_SECONDS = 24 * 3600
PRICE = Decimal("0.00225")
"""Half of 1,000 tokens in at $3 and 100 out at $15 per million."""


@pytest.fixture
def lane() -> BatchLane:
    return BatchLane()


def ended(lane: BatchLane, outcome: Outcome) -> Task:
    """A task with this outcome of its batch."""
    lane.api.on("one", outcome)
    (task,) = lane.under_way("one")
    lane.api.end()
    lane.minute()
    return lane.now_of(task)


def too_deep() -> dict[str, Any]:
    """2,000 levels, of which indented text takes 4 MB."""
    context: dict[str, Any] = {}
    for _ in range(2_000):
        context = {"a": context}
    return context


# -- collecting


def test_a_task_waits_a_minute_for_others_and_they_go_together(lane: BatchLane) -> None:
    first = lane.submit("one")
    lane.deployment.clock.advance(59)
    second = lane.submit("two")
    lane.work()
    assert not lane.api.batches

    lane.deployment.clock.advance(1)
    lane.work()

    (batch,) = lane.api.batches
    assert list(batch.requests) == [first.ref.task_id, second.ref.task_id]
    running = lane.now_of(first)
    assert (running.status, running.attempt, running.held_by) == (Status.RUNNING, 1, running.claim_id)
    assert not lane.batches.line


def test_a_hundred_tasks_do_not_wait(lane: BatchLane) -> None:
    for number in range(99):
        lane.submit(f"{number}")
    lane.work()
    assert not lane.api.batches

    lane.submit("99")
    lane.work()

    assert len(lane.api.batches[0].requests) == 100


def test_a_batch_has_no_more_bytes_than_it_may(lane: BatchLane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_BYTES", 30_000)
    tasks = [lane.submit("x" * 10_000 + str(number)) for number in range(5)]

    lane.minute()

    assert [len(batch.requests) for batch in lane.api.batches] == [2, 2, 1]
    assert all(lane.api.times_sent(task) == 1 for task in tasks)


def test_a_batch_has_no_more_requests_than_it_may(lane: BatchLane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "MAX_REQUESTS", 40)
    tasks = [lane.submit(f"{number}") for number in range(100)]

    lane.minute()

    assert [len(batch.requests) for batch in lane.api.batches] == [40, 40, 20]
    assert all(lane.api.times_sent(task) == 1 for task in tasks)


def test_a_message_that_fits_into_no_batch_fails_its_task_alone(
    lane: BatchLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_BYTES", 5_000)
    large, small = lane.submit("x" * 6_000), lane.submit("one")

    lane.minute()

    assert lane.failure_of(large)[0] is FailureCode.EXECUTION_ERROR
    assert lane.api.times_sent(small) == 1


def test_a_delayed_task_is_collected_when_its_time_has_come(lane: BatchLane) -> None:
    start = lane.deployment.clock.now() + 3_600_000
    task = lane.submit("later", not_before=start)
    lane.minute()
    assert not lane.api.batches

    lane.deployment.clock.advance(3_600)
    lane.minute()

    assert lane.api.times_sent(task) == 1


def test_a_canceled_task_is_dropped_from_the_line(lane: BatchLane) -> None:
    task, other = lane.submit("one"), lane.submit("two")
    lane.deployment.finalizer().cancel(task)

    lane.minute()

    assert (lane.api.times_sent(task), lane.api.times_sent(other)) == (0, 1)
    assert not lane.batches.line


def test_a_task_past_its_deadline_times_out_in_the_line(lane: BatchLane) -> None:
    task = lane.submit("one", queue_timeout_ms=30_000)
    lane.deployment.clock.advance(60)

    lane.work()

    assert lane.failure_of(task)[0] is FailureCode.QUEUE_TIMEOUT
    assert not lane.batches.line


def test_a_task_whose_budget_is_used_up_is_not_submitted(lane: BatchLane) -> None:
    lane.deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal("0.01")))
    task = lane.submit("one")
    lane.deployment.spend.add_spend("demo", DAY, Usage(input_tokens=1, cost_usd=Decimal("0.01")))
    lane.deployment.clock.advance(60)

    lane.work()

    assert lane.failure_of(task)[0] is FailureCode.BUDGET_EXCEEDED
    assert not lane.api.batches


def test_the_answer_may_be_as_long_as_the_budget_pays_for_in_a_batch(lane: BatchLane) -> None:
    task = lane.submit("one", budget=Budget(cost_usd=Decimal("0.0015")))

    lane.minute()

    assert lane.api.batches[0].requests[task.ref.task_id]["max_tokens"] == 200


def test_an_answer_cut_off_by_the_budget_says_so(lane: BatchLane) -> None:
    lane.api.on("one", answer("Half a sent", "max_tokens"))
    task = lane.submit("one", budget=Budget(tokens=200))
    lane.minute()
    lane.api.end()
    lane.minute()

    assert lane.failure_of(task)[0] is FailureCode.BUDGET_EXCEEDED


def test_a_task_whose_agent_is_gone_fails(lane: BatchLane) -> None:
    task = lane.submit("one")
    lane.deployment.registry.revisions.clear()

    lane.minute()

    assert lane.failure_of(task)[0] is FailureCode.AGENT_MISCONFIGURED


def test_a_task_whose_message_is_gone_fails(lane: BatchLane) -> None:
    task = lane.submit(incompressible(20_000))
    lane.deployment.payloads.objects.clear()

    lane.minute()

    assert lane.failure_of(task)[0] is FailureCode.EXECUTION_ERROR


def test_a_task_that_cannot_be_read_now_waits_and_the_others_go(lane: BatchLane) -> None:
    large, small = lane.submit(incompressible(20_000)), lane.submit("one")
    points = Failpoints()
    points.down("payloads", PayloadUnavailable("no answer"))
    lane.minute(points)
    assert (lane.api.times_sent(large), lane.api.times_sent(small)) == (0, 1)

    lane.minute()

    assert lane.api.times_sent(large) == 1


def test_a_context_that_cannot_be_shown_fails_its_task_alone(lane: BatchLane) -> None:
    """As one that an earlier release has accepted."""
    poison, other = lane.submit("poison", context=too_deep()), lane.submit("one")

    lane.minute()

    code, message = lane.failure_of(poison)
    assert (code, message.startswith("The model cannot be shown the message: context: takes more than")) == (
        FailureCode.EXECUTION_ERROR,
        True,
    )
    assert lane.api.times_sent(other) == 1
    assert not lane.batches.line


@pytest.mark.parametrize("error", [MemoryError(), RecursionError(), KeyError("x")])
def test_a_task_that_cannot_be_prepared_has_three_tries_and_the_others_go(
    lane: BatchLane, error: Exception
) -> None:
    poison, other = lane.submit(incompressible(20_000)), lane.submit("one")
    failing = Failpoints()
    failing.down("payloads", error)

    lane.minute(failing)
    lane.minute(failing)
    assert lane.api.times_sent(other) == 1
    assert lane.now_of(poison).status is Status.PENDING
    lane.minute(failing)

    assert lane.failure_of(poison) == (
        FailureCode.EXECUTION_ERROR,
        f"The task's request could not be made in 3 tries ({type(error).__name__}).",
    )
    assert not lane.batches.line


def test_a_task_that_kills_what_prepares_it_fails_after_three_deaths_and_the_others_go(
    lane: BatchLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a process runs out of memory: nothing is caught, and nobody says whose fault it was."""
    others = [lane.submit(f"{incompressible(20_000)} {number}") for number in range(2)]
    poison = lane.submit(incompressible(20_000))
    late: list[Task] = []
    read = lane.deployment.payloads.get

    def read_or_die(key: str) -> bytes:
        if poison.ref.task_id in key:
            raise Crash("out of memory")
        return read(key)

    monkeypatch.setattr(lane.deployment.payloads, "get", read_or_die)
    deaths = 0
    for minute in range(30):
        late.append(lane.submit(f"{incompressible(20_000)} {minute}"))
        try:
            lane.minute()
        except Crash:
            deaths += 1

    assert deaths == 3
    assert lane.failure_of(poison) == (
        FailureCode.EXECUTION_ERROR,
        "The task's request could not be made in 3 tries (the process died).",
    )
    assert all(lane.api.times_sent(task) == 1 for task in (*others, *late[:-1]))
    assert not lane.batches.preparing("demo")


def test_a_task_that_can_be_prepared_at_the_third_try_goes(lane: BatchLane) -> None:
    task = lane.submit(incompressible(20_000))
    failing = Failpoints()
    failing.down("payloads", MemoryError())
    lane.minute(failing)
    lane.minute(failing)

    lane.minute()

    assert lane.api.times_sent(task) == 1


# -- what becomes of a task


def test_a_result_completes_its_task_at_half_the_price(lane: BatchLane) -> None:
    task = ended(lane, answer("42"))

    assert task.status is Status.COMPLETED
    assert lane.output_of(task) == {"result": "42"}
    assert task.usage == Usage(1_000, 100, 0, 0, 1, PRICE)
    assert not lane.batches.open


def test_a_result_counts_against_the_projects_day(lane: BatchLane) -> None:
    lane.deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal(10)))

    ended(lane, answer())

    assert lane.deployment.spend.spend("demo", DAY).cost_usd == PRICE


def test_structured_output_is_validated(lane: BatchLane) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    lane.deployment.registry.apply(agent(output_schema=schema))

    good = ended(lane, answer('{"n": 1}'))
    assert lane.output_of(good)["data"] == {"n": 1}
    lane.api.on("bad", answer('{"n": "one"}'))
    bad = lane.submit("bad")
    lane.minute()
    lane.api.end()
    lane.minute()

    assert lane.failure_of(bad)[0] is FailureCode.EXECUTION_ERROR
    assert lane.output_of(bad) == {"result": '{"n": "one"}', "partial": True}


@pytest.mark.parametrize(
    ("stop_reason", "code"),
    [
        ("max_tokens", FailureCode.OUTPUT_TRUNCATED),
        ("model_context_window_exceeded", FailureCode.OUTPUT_TRUNCATED),
        ("refusal", FailureCode.MODEL_REFUSED),
        ("pause_turn", FailureCode.EXECUTION_ERROR),
    ],
)
def test_an_incomplete_answer_fails_its_task_and_is_kept(
    lane: BatchLane, stop_reason: str, code: FailureCode
) -> None:
    task = ended(lane, answer("Half a sent", stop_reason))

    assert lane.failure_of(task)[0] is code
    assert lane.output_of(task) == {"result": "Half a sent", "partial": True}
    assert task.usage.cost_usd == PRICE


def test_a_request_that_was_refused_fails_its_task(lane: BatchLane) -> None:
    task = ended(lane, ModelRejected(FailureCode.EXECUTION_ERROR, "messages: too long"))

    assert lane.failure_of(task) == (FailureCode.EXECUTION_ERROR, "messages: too long")
    assert not task.usage.has_tokens


def test_an_answer_that_cannot_be_taken_was_paid_for(lane: BatchLane) -> None:
    lane.deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal(10)))
    billed = Bill((ModelCall(1_000, 100),), turns=1)
    task = ended(lane, ModelRejected(FailureCode.EXECUTION_ERROR, "The model's answer is too deep.", billed))

    assert task.status is Status.FAILED
    assert task.usage == Usage(1_000, 100, 0, 0, 1, PRICE)
    assert lane.deployment.spend.spend("demo", DAY).cost_usd == PRICE


@pytest.mark.parametrize(
    "outcome", [ModelBusy("Overloaded."), UnprocessedReason.EXPIRED, UnprocessedReason.CANCELED]
)
def test_a_request_that_was_not_answered_goes_into_another_batch(lane: BatchLane, outcome: Outcome) -> None:
    task = ended(lane, outcome)
    assert (task.status, task.attempt) == (Status.PENDING, 1)
    assert lane.batches.is_in_line(task)

    lane.minute()
    lane.minute()
    lane.api.end()
    lane.minute()

    done = lane.now_of(task)
    assert (done.status, done.attempt, lane.api.times_sent(task)) == (Status.COMPLETED, 2, 2)
    assert done.usage.turns == 1


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (ModelBusy("Overloaded."), FailureCode.MODEL_OVERLOADED),
        (UnprocessedReason.EXPIRED, FailureCode.MODEL_OVERLOADED),
        (UnprocessedReason.CANCELED, FailureCode.EXECUTION_ERROR),
    ],
)
def test_the_last_attempt_fails_with_the_reason(lane: BatchLane, outcome: Outcome, code: FailureCode) -> None:
    lane.api.on("one", outcome)
    task = lane.submit("one", max_attempts=1)
    lane.minute()
    lane.api.end()
    lane.minute()

    assert lane.failure_of(task)[0] is code
    assert lane.failure_of(task)[1].endswith("(Attempt 1 of 1, the last.)")


def test_a_request_that_the_model_turned_away_uses_no_attempt(lane: BatchLane) -> None:
    for _ in range(3):
        lane.api.on("one", ModelBusy("Overloaded.", throttled=True))
    task = lane.submit("one", timeout_ms=600_000)
    for wait in (60, 120, 240):
        lane.minute()
        lane.api.end()
        lane.minute()
        waiting = lane.now_of(task)
        assert (waiting.status, waiting.attempt) == (Status.PENDING, 0)
        assert waiting.not_before - lane.deployment.clock.now() <= wait * 1000
        lane.deployment.clock.advance(wait)

    lane.minute()
    lane.api.end()
    lane.minute()
    done = lane.now_of(task)
    assert (done.status, done.attempt, lane.api.times_sent(task)) == (Status.COMPLETED, 1, 4)


def test_one_that_is_always_turned_away_ends_with_its_time_to_wait(lane: BatchLane) -> None:
    for _ in range(20):
        lane.api.on("one", ModelBusy("Overloaded.", throttled=True))
    task = lane.submit("one", queue_timeout_ms=1_800_000)
    for _ in range(40):
        lane.minute()
        lane.api.end()
    assert lane.failure_of(task)[0] is FailureCode.MODEL_OVERLOADED
    assert lane.api.times_sent(task) < 8


def test_one_whose_caller_has_bounded_its_tries_fails_after_them(lane: BatchLane) -> None:
    for _ in range(2):
        lane.api.on("one", ModelBusy("Overloaded.", throttled=True))
    task = lane.submit("one", max_attempts=1)
    lane.minute()
    lane.api.end()
    lane.minute()
    assert lane.failure_of(task)[0] is FailureCode.MODEL_OVERLOADED


def test_without_time_for_another_batch_the_task_fails(lane: BatchLane) -> None:
    lane.api.on("one", ModelBusy("Overloaded.", retry_after=600.0))
    task = lane.submit("one", timeout_ms=300_000)
    lane.minute()
    lane.api.end()
    lane.minute()

    code, message = lane.failure_of(task)
    assert (code, "deadline" in message) == (FailureCode.MODEL_OVERLOADED, True)


def test_a_canceled_task_stays_canceled_and_its_answer_is_paid(lane: BatchLane) -> None:
    first, second = lane.under_way("one", "two")
    lane.deployment.finalizer().cancel(lane.now_of(first))
    lane.api.end()

    lane.minute()

    canceled = lane.now_of(first)
    assert (canceled.status, canceled.output, canceled.usage.cost_usd) == (Status.CANCELED, None, PRICE)
    assert lane.now_of(second).status is Status.COMPLETED


def test_an_answer_that_nobody_waits_for_is_counted_though_the_sdk_repeated_its_write(
    lane: BatchLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first write took effect and its answer was lost; the second one is refused."""
    lane.deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal(10)))
    (task,) = lane.under_way("one")
    lane.deployment.finalizer().cancel(lane.now_of(task))
    lane.api.end()
    write = lane.deployment.store.add_partial_output
    monkeypatch.setattr(
        lane.deployment.store, "add_partial_output", lambda *arguments: [write(*arguments) for _ in "12"][-1]
    )

    lane.minute()

    assert not lane.batches.open
    assert lane.deployment.spend.spend("demo", DAY).cost_usd == PRICE


def test_a_cancel_just_before_the_result_wins(lane: BatchLane) -> None:
    (task,) = lane.under_way("one")
    lane.api.end()
    points = Failpoints()
    points.before("store.finish", lambda: lane.deployment.finalizer().cancel(lane.now_of(task)))
    lane.minute(points)

    ended = lane.now_of(task)
    assert (ended.status, ended.usage.cost_usd) == (Status.CANCELED, PRICE)


def test_a_result_of_an_earlier_batch_changes_nothing_for_the_batch_after_it(lane: BatchLane) -> None:
    """A run of which nobody heard any more reads it once the task has been put into another batch."""
    lane.api.on("one", ModelBusy("Overloaded."), answer("The second answer."))
    (task,) = lane.under_way("one")
    (first,) = lane.batches.open.values()
    lane.api.end()
    lane.minute()
    lane.minute()
    lane.minute()
    again = lane.now_of(task)
    assert (again.status, again.fence, lane.api.times_sent(task)) == (Status.RUNNING, 2, 2)

    results = lane.batcher().results
    (member,) = lane.batches.members(first.root_id)
    results._record(member, answer("The first answer."))

    assert lane.now_of(task) == again
    lane.api.end()
    lane.minute()
    assert lane.output_of(task) == {"result": "The second answer."}


def test_a_result_after_the_deadline_does_not_complete(lane: BatchLane) -> None:
    lane.api.on("one", answer("Too late."))
    (task,) = lane.under_way("one")
    lane.api.end()
    lane.deployment.clock.advance(DAY_SECONDS)

    lane.work()

    late = lane.now_of(task)
    assert lane.failure_of(late)[0] is FailureCode.TIMEOUT
    assert late.usage.cost_usd == PRICE
    assert lane.output_of(late) == {"result": "Too late.", "partial": True}


def test_a_result_after_the_sweeper_has_timed_the_task_out_is_paid(lane: BatchLane) -> None:
    (task,) = lane.under_way("one")
    lane.deployment.clock.advance(DAY_SECONDS)
    lane.deployment.sweep()
    assert lane.now_of(task).status is Status.FAILED
    lane.api.end()

    lane.minute()

    assert lane.now_of(task).usage.cost_usd == PRICE
    assert not lane.batches.open


def test_when_all_tasks_are_canceled_so_is_the_batch(lane: BatchLane) -> None:
    tasks = lane.under_way("one", "two")
    lane.deployment.finalizer().cancel(lane.now_of(tasks[0]))
    lane.minute()
    assert not lane.api.batches[0].canceled

    lane.deployment.finalizer().cancel(lane.now_of(tasks[1]))
    lane.minute()
    assert lane.api.batches[0].canceled
    lane.api.end()
    lane.minute()

    assert not lane.batches.open
    assert all(lane.now_of(task).status is Status.CANCELED for task in tasks)


def test_tasks_found_ended_are_not_asked_for_again(lane: BatchLane) -> None:
    tasks = lane.under_way(*(f"{number}" for number in range(10)))
    for task in tasks[:9]:
        lane.deployment.finalizer().cancel(lane.now_of(task))
    lane.minute()
    points = Failpoints()

    lane.deployment.clock.advance(60)
    lane.work(points)

    assert points.calls["store.get"] == 1


def test_a_batch_that_is_gone_is_waited_for_until_its_tasks_have_ended(lane: BatchLane) -> None:
    (task,) = lane.under_way("one")
    lane.api.batches[0].is_gone = True
    lane.minute()
    assert lane.batches.open
    assert "batch no longer exists at the API" in lane.deployment.telemetry.names()

    lane.deployment.clock.advance(DAY_SECONDS)
    lane.deployment.sweep()
    lane.minute()

    assert lane.failure_of(task)[0] is FailureCode.TIMEOUT
    assert not lane.batches.open
    assert lane.api.times_sent(task) == 1


# -- results that do not come through


def test_results_that_break_off_are_read_again(lane: BatchLane) -> None:
    tasks = lane.under_way("one", "two", "three")
    lane.api.end()
    lane.api.lines = 2
    lane.minute()
    assert sum(lane.now_of(task).is_terminal for task in tasks) == 2

    lane.api.lines = None
    lane.minute()

    assert all(lane.now_of(task).status is Status.COMPLETED for task in tasks)
    assert set(lane.deployment.store.finishes.values()) == {1}
    assert not lane.batches.open


def test_results_that_the_api_does_not_give_now_are_asked_for_again(lane: BatchLane) -> None:
    (task,) = lane.under_way("one")
    lane.api.end()
    points = Failpoints()
    points.fail("api.results", ModelBusy("Overloaded."))
    assert lane.minute(points).errors == 1

    lane.minute()

    assert lane.now_of(task).status is Status.COMPLETED


def test_a_task_without_a_result_goes_into_another_batch(lane: BatchLane) -> None:
    tasks = lane.under_way("one", "two")
    lane.api.end()
    made = lane.api.batches[0]
    assert made.ended is not None
    del made.requests[tasks[0].ref.task_id], made.ended[tasks[0].ref.task_id]

    lane.minute()

    assert lane.now_of(tasks[0]).status is Status.PENDING
    assert lane.now_of(tasks[1]).status is Status.COMPLETED


def test_a_result_that_cannot_be_recorded_now_is_recorded_by_the_next_run(lane: BatchLane) -> None:
    tasks = lane.under_way("one", "two")
    lane.api.end()
    points = Failpoints()
    points.fail("store.finish", StoreUnavailable("no answer"))
    lane.minute(points)
    assert sum(lane.now_of(task).is_terminal for task in tasks) == 1
    assert lane.batches.open

    lane.minute()

    assert all(lane.now_of(task).status is Status.COMPLETED for task in tasks)
    assert not lane.batches.open


def test_an_end_whose_answer_was_lost_counts_once(lane: BatchLane) -> None:
    lane.deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal(10)))
    (task,) = lane.under_way("one")
    lane.api.end()
    points = Failpoints()
    points.fail("store.finish", StoreUnavailable("no answer"), after=True)
    lane.minute(points)
    lane.minute()

    assert lane.now_of(task).usage.turns == 1
    assert lane.deployment.spend.spend("demo", DAY).cost_usd == PRICE
    assert not lane.batches.open


def test_a_run_out_of_time_leaves_the_rest_to_the_next(lane: BatchLane) -> None:
    tasks = lane.under_way(*(f"{number}" for number in range(40)))
    lane.api.end()
    lane.work(seconds=0.0)
    assert sum(lane.now_of(task).is_terminal for task in tasks) == 32

    lane.minute()

    assert all(lane.now_of(task).status is Status.COMPLETED for task in tasks)


def test_without_time_no_batch_is_begun(lane: BatchLane) -> None:
    task = lane.submit("one")
    lane.deployment.clock.advance(60)

    report = lane.work(seconds=100.0)

    assert (report.submitted, report.finished) == (0, False)
    assert lane.now_of(task).status is Status.PENDING


def test_a_batch_in_error_stops_no_other(lane: BatchLane) -> None:
    (first,) = lane.under_way("one")
    second = lane.submit("two")
    lane.minute()
    lane.api.end()
    third = lane.submit("three")
    points = Failpoints()
    points.fail("api.get", RuntimeError("a defect"))
    report = lane.minute(points)

    assert (report.errors, report.open, report.submitted) == (1, 2, 1)
    assert lane.now_of(first).status is Status.RUNNING
    assert lane.now_of(second).status is Status.COMPLETED
    assert lane.api.times_sent(third) == 1


def test_every_run_gives_a_sign_of_life(lane: BatchLane) -> None:
    lane.work()
    points = Failpoints()
    points.down("batches", StoreUnavailable("no answer"))
    report = lane.work(points)

    assert lane.deployment.telemetry.counts["BatchRuns"] == 2
    assert report.errors == 2, "neither what is open nor what is in line can be read"
