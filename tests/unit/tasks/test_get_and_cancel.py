"""Reading and canceling: never live past the deadline, ended once, and only the own project's."""

from decimal import Decimal

import pytest

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.guards import guard_of_completion
from a2a_tasks.domain.task import Artifact, Payload, Question, Status, Task
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.tasks import Advance, InputRequest, Refused, TaskPage, Written
from a2a_tasks.views.tasks import tasks_view
from tests.twins.deployment import MODEL, RETENTION_MS, Deployment, agent

MISSING_ID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def get(deployment: Deployment, task: Task) -> dict[str, object]:
    return deployment.shown(task)


def cancel(deployment: Deployment, task: Task) -> Task:
    return deployment.tasks().cancel("demo", "writer", task.ref.task_id)


def complete(deployment: Deployment, task: Task) -> Written | Refused:
    guard = guard_of_completion(task.fence, deployment.clock.now())
    spent = (Spent(1, MODEL, Usage(1, 1, turns=1)),)
    return deployment.finalizer().complete(task, Payload(inline='{"result":"Done."}'), spent, guard)


def test_a_completed_task_is_read_with_its_output_and_usage(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.work()
    wire = get(deployment, task)
    assert wire["status"] == "completed"
    assert wire["output"] == {"result": "Done."}
    used = {
        "inputTokens": 10,
        "outputTokens": 5,
        "cacheReadTokens": 0,
        "cacheWriteTokens": 0,
        "turns": 1,
        "costUsd": 0.000105,
    }
    assert wire["usage"] == used | {
        "byModel": [{"model": MODEL} | used],
        "byAttempt": [{"attempt": 1} | used],
    }


def test_artifacts_are_read_with_addresses_as_soon_as_they_are_saved(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit())
    key = f"tasks/{task.ref.task_id}/artifact-1-call-1"
    saved = (
        Artifact("call-1", "报告.md", "text/markdown", size_bytes=5, key=key),
        Artifact("call-2", "page", "text/html", url="https://example.com/page"),
    )
    deployment.store.advance(task.ref, task.fence, Advance(deployment.clock.now(), artifacts=saved))
    assert get(deployment, task)["output"] == {
        "artifacts": [
            {
                "artifactId": "call-1",
                "name": "报告.md",
                "mediaType": "text/markdown",
                "sizeBytes": 5,
                "url": deployment.payloads.link(key, "报告.md"),
            },
            {
                "artifactId": "call-2",
                "name": "page",
                "mediaType": "text/html",
                "url": "https://example.com/page",
                "external": True,
            },
        ]
    }
    (listed,) = tasks_view(deployment.tasks().page("demo", "writer", None, 10, None))["tasks"]
    assert "output" not in listed


def test_a_question_is_read_and_its_task_can_be_canceled(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit())
    now = deployment.clock.now()
    pause = InputRequest(now, Question("call-1", "Which city?"), now + 3_600_000, 60_000)
    deployment.store.request_input(task.ref, task.fence, pause)
    deployment.clock.advance(600)
    wire = get(deployment, task)
    assert (wire["status"], wire["question"]) == ("input_required", "Which city?")
    assert cancel(deployment, task).status is Status.CANCELED
    assert "question" not in get(deployment, task)


def test_a_question_that_nobody_answers_in_time_fails_its_task(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit())
    now = deployment.clock.now()
    deployment.store.request_input(
        task.ref, task.fence, InputRequest(now, Question("call-1", "?"), now + 3_600_000, 60_000)
    )
    deployment.clock.advance(3_600)
    assert get(deployment, task)["errorDetails"] == {
        "message": "The agent's question was not answered in time.",
        "code": "TIMEOUT",
    }


@pytest.mark.parametrize("claimed", [False, True])
def test_a_get_at_the_deadline_settles_the_task(deployment: Deployment, claimed: bool) -> None:
    task = deployment.submit(queue_timeout_ms=300_000)
    if claimed:
        deployment.claim(task)
    deployment.clock.advance(299.999)
    assert get(deployment, task)["status"] == ("running" if claimed else "pending")
    deployment.clock.advance(0.001)
    wire = get(deployment, task)
    assert wire["status"] == "failed"
    waited = "it waited 300 s for a worker, or for one of its agent's slots."
    code, message = (
        ("TIMEOUT", "The task did not finish within its timeout of 300 s.")
        if claimed
        else ("QUEUE_TIMEOUT", f"The task was not started within its queueTimeout: {waited}")
    )
    assert wire["errorDetails"] == {"message": message, "code": code}
    assert get(deployment, task) == wire
    assert deployment.telemetry.counts["TasksFailed", code] == 1


def test_the_line_of_an_end_says_how_long_it_took_and_what_the_task_itself_cost(
    deployment: Deployment,
) -> None:
    task = deployment.submit()
    deployment.clock.advance(5)
    held = deployment.claim(task)
    deployment.clock.advance(20)
    own, started = Usage(1, 1, turns=1, cost_usd=Decimal("0.25")), Usage(9, 9, turns=9, cost_usd=Decimal(7))
    spent = (Spent(1, MODEL, own), Spent(1, MODEL, started, task_id=MISSING_ID))
    guard = guard_of_completion(held.fence, deployment.clock.now())
    deployment.finalizer().complete(held, Payload(inline="{}"), spent, guard)
    line = deployment.telemetry.events[-1]
    assert (line.name, line.task_id) == ("task completed", task.ref.task_id)
    assert line.fields == {
        "attempts": 1, "failure": None, "seconds": 25, "wait_seconds": 5, "run_seconds": 20,
        "turns": 1, "tokens": 2, "cost_usd": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize(("seconds", "late"), [(300, 0), (480, 0), (480.001, 1)])
def test_an_end_that_is_written_long_after_the_deadline_is_counted_as_late(
    deployment: Deployment, seconds: float, late: int
) -> None:
    task = deployment.submit(queue_timeout_ms=300_000)
    deployment.clock.advance(seconds)
    assert get(deployment, task)["status"] == "failed"
    assert deployment.telemetry.samples["TasksEndedLate"] == [late]


def test_canceling_again_answers_the_same(deployment: Deployment) -> None:
    task = deployment.submit()
    first = cancel(deployment, task)
    deployment.clock.advance(400)
    assert cancel(deployment, task) == first
    assert first.status is Status.CANCELED
    assert deployment.telemetry.counts["TasksCanceled"] == 1


def test_a_canceled_task_is_not_executed(deployment: Deployment) -> None:
    task = deployment.submit()
    cancel(deployment, task)
    assert deployment.work() == []
    assert not deployment.model.requests
    assert not deployment.queue.messages
    assert deployment.now_of(task).status is Status.CANCELED


def test_cancel_before_completion_wins(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit())
    assert cancel(deployment, task).status is Status.CANCELED
    assert complete(deployment, task) == Refused(deployment.now_of(task))
    assert deployment.now_of(task).output is None


@pytest.mark.parametrize("ended", [Status.COMPLETED, Status.FAILED])
def test_what_has_ended_cannot_be_canceled(deployment: Deployment, ended: Status) -> None:
    task = deployment.claim(deployment.submit())
    if ended is Status.COMPLETED:
        complete(deployment, task)
    else:
        deployment.clock.advance(300)
    with pytest.raises(RequestRefused) as refused:
        cancel(deployment, task)
    assert refused.value.code is ErrorCode.TASK_NOT_CANCELABLE
    assert refused.value.message == f"The task has already {ended} and cannot be canceled."
    assert deployment.now_of(task).status is ended
    assert deployment.store.finishes[task.ref] == 1


def test_timeout_before_completion_wins(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit())
    deployment.clock.advance(300)
    assert get(deployment, task)["status"] == "failed"
    assert isinstance(complete(deployment, task), Refused)
    assert get(deployment, task)["status"] == "failed"


def test_completion_before_the_deadline_stays(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit())
    deployment.clock.advance(299.999)
    assert isinstance(complete(deployment, task), Written)
    deployment.clock.advance(1)
    assert isinstance(deployment.finalizer().time_out(task), Refused)
    assert get(deployment, task)["status"] == "completed"


def test_a_completion_at_the_deadline_comes_too_late_even_before_anybody_settled_it(
    deployment: Deployment,
) -> None:
    task = deployment.claim(deployment.submit())
    deployment.clock.advance(300)
    assert isinstance(complete(deployment, task), Refused)
    assert get(deployment, task)["status"] == "failed"


def test_a_reader_that_loses_the_race_to_settle_sees_the_winners_end(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit())
    seen = deployment.now_of(task)
    deployment.clock.advance(299)
    complete(deployment, task)
    deployment.clock.advance(1)
    assert deployment.finalizer().expire_if_overdue(seen).status is Status.COMPLETED


def test_what_is_not_the_callers_is_answered_like_what_does_not_exist(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.registry.apply(agent("other-writer", "other"))
    known = task.ref.task_id
    for project, agent_id, task_id in [
        ("other", "writer", known),
        ("demo", "other-writer", known),
        ("demo", "nobody", known),
        ("demo", "Not An Agent", known),
        ("demo", "writer", MISSING_ID),
        ("demo", "writer", known.upper()),
        ("demo", "writer", "1"),
    ]:
        for ask in (deployment.tasks().find, deployment.tasks().cancel):
            with pytest.raises(RequestRefused) as refused:
                ask(project, agent_id, task_id)
            assert refused.value.to_body() == {"error": "There is no such task.", "code": "TASK_NOT_FOUND"}
    assert deployment.now_of(task) == task


def test_an_end_is_kept_for_the_retention_time(deployment: Deployment) -> None:
    task = deployment.submit()
    cancel(deployment, task)
    assert deployment.store.retain_until[task.ref] == deployment.clock.now() + RETENTION_MS


def test_a_list_is_newest_first_in_pages(deployment: Deployment) -> None:
    made = []
    for _ in range(5):
        deployment.clock.advance(0.001)
        made.append(deployment.submit().ref.task_id)
    read: list[str] = []
    cursor = None
    for expected in (2, 2, 1):
        page = deployment.tasks().page("demo", "writer", None, 2, cursor)
        assert len(page.tasks) == expected
        read += [task.ref.task_id for task in page.tasks]
        cursor = page.cursor
    assert cursor is None
    assert read == made[::-1]


def test_a_list_shows_no_task_live_past_its_deadline(deployment: Deployment) -> None:
    deployment.submit(queue_timeout_ms=1_000)
    deployment.submit()
    deployment.clock.advance(1)
    listed = deployment.tasks().page("demo", "writer", None, 10, None).tasks
    assert sorted(task.status for task in listed) == ["failed", "pending"]
    assert len(deployment.tasks().page("demo", "writer", Status.PENDING, 10, None).tasks) == 1


def test_a_filtered_list_leaves_out_what_it_settles(deployment: Deployment) -> None:
    deployment.submit(queue_timeout_ms=1_000)
    deployment.clock.advance(1)
    assert deployment.tasks().page("demo", "writer", Status.PENDING, 10, None) == TaskPage([], None)
    assert len(deployment.tasks().page("demo", "writer", Status.FAILED, 10, None).tasks) == 1


def test_lists_are_the_projects_own(deployment: Deployment) -> None:
    for agent_id in ("writer", "nobody"):
        with pytest.raises(RequestRefused) as refused:
            deployment.tasks().page("other", agent_id, None, 10, None)
        assert refused.value.to_body() == {"error": "There is no such agent.", "code": "AGENT_NOT_FOUND"}


def test_a_made_up_cursor_is_refused_by_name(deployment: Deployment) -> None:
    with pytest.raises(RequestRefused) as refused:
        deployment.tasks().page("demo", "writer", None, 10, "next")
    body = refused.value.to_body()
    assert body["code"] == "VALIDATION_ERROR"
    assert body["details"] == [{"field": "cursor", "message": "is not one that this list returned"}]


class TestWaiting:
    def waited(self, deployment: Deployment, task: Task, seconds: int = 20) -> tuple[object, float]:
        """The state that a waiting reader gets, and how long that took."""
        before = deployment.clock.now()
        wire = deployment.shown(task, seconds)
        return wire["status"], (deployment.clock.now() - before) / 1000

    def test_the_answer_comes_when_the_task_has_ended(self, deployment: Deployment) -> None:
        task = deployment.claim(deployment.submit())
        deployment.clock.later(7, lambda: complete(deployment, task))
        state, took = self.waited(deployment, task)
        assert state == "completed"
        assert 7 <= took < 8

    def test_a_task_that_ends_soon_is_seen_soon(self, deployment: Deployment) -> None:
        task = deployment.claim(deployment.submit())
        deployment.clock.later(0.3, lambda: complete(deployment, task))
        state, took = self.waited(deployment, task)
        assert state == "completed"
        assert took < 0.5

    def test_or_when_it_asks(self, deployment: Deployment) -> None:
        task = deployment.claim(deployment.submit())
        now = deployment.clock.now()
        pause = InputRequest(now, Question("call-1", "?"), now + 3_600_000, 60_000)
        deployment.clock.later(5, lambda: deployment.store.request_input(task.ref, task.fence, pause))
        assert self.waited(deployment, task)[0] == "input_required"

    def test_or_when_the_time_is_over_and_then_as_it_is(self, deployment: Deployment) -> None:
        task = deployment.claim(deployment.submit())
        assert self.waited(deployment, task, 3) == ("running", 3.0)

    def test_a_deadline_is_an_end(self, deployment: Deployment) -> None:
        task = deployment.submit(queue_timeout_ms=2_000)
        state, took = self.waited(deployment, task)
        assert state == "failed"
        assert 2 <= took < 3

    def test_what_has_ended_is_not_waited_for(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.work()
        assert self.waited(deployment, task) == ("completed", 0.0)
