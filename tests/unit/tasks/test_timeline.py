"""A task's course, told by what the real services have stored on the twins."""

from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.history import events
from a2a_tasks.domain.history.timeline import TimelineSpan, TimelineSpanKind, spans_of
from a2a_tasks.domain.task import Lane, Task
from a2a_tasks.domain.usage import total
from a2a_tasks.ports.model import ModelBusy
from a2a_tasks.tasks import timeline
from a2a_tasks.tasks.timeline import Timeline, Timelines
from a2a_tasks.views.timeline import timeline_view
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import after, answer, uses

TOOLS = ("report_progress", "save_artifact", "ask_user", "call_agent", "Write")
PROGRESS = ("report_progress", {"step": "Reading"})


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment()
    deployment.registry.apply(agent(allowed_tools=TOOLS))
    deployment.registry.apply(agent("helper"))
    deployment.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
    return deployment


def told(deployment: Deployment, task: Task) -> Timeline:
    return Timelines(deployment.store, deployment.records).of(deployment.now_of(task))


def course(deployment: Deployment, task: Task) -> list[tuple[Any, ...]]:
    """Each span's kind, name or turn, seconds of its beginning and end, and outcome."""

    def seconds(at: int | None) -> float | None:
        return None if at is None else round((at - task.created_at) / 1000, 1)

    return [
        (
            span.kind.value,
            span.name or span.turn,
            seconds(span.started_at),
            seconds(span.ended_at),
            span.outcome,
        )
        for span in told(deployment, task).spans
    ]


def of_kind(found: Timeline, kind: TimelineSpanKind) -> list[TimelineSpan]:
    return [span for span in found.spans if span.kind is kind]


def test_turns_and_tools_follow_each_other(deployment: Deployment) -> None:
    deployment.model.then(
        after(deployment.clock, 5, uses(PROGRESS, ("nonsense", {}))), after(deployment.clock, 7, answer())
    )
    task = deployment.submit()
    deployment.clock.advance(2)

    deployment.work()

    assert course(deployment, task) == [
        ("wait", "start", 0.0, 2.0, None),
        ("attempt", None, 2.0, 14.0, "completed"),
        ("turn", 1, 2.0, 7.0, None),
        ("tool", "report_progress", 7.0, 7.0, "ok"),
        ("tool", "nonsense", 7.0, 7.0, "error"),
        ("turn", 2, 7.0, 14.0, None),
        ("event", "progress", 7.0, 7.0, None),
    ]


def test_its_turns_have_all_that_the_task_used(deployment: Deployment) -> None:
    deployment.model.then(uses(PROGRESS), uses(PROGRESS, prefix="more"), answer())
    task = deployment.submit()

    deployment.work()

    found = told(deployment, task)
    turns = of_kind(found, TimelineSpanKind.TURN)
    used = [turn.usage for turn in turns if turn.usage is not None]
    assert [(usage.input_tokens, usage.output_tokens, usage.turns) for usage in used] == [(10, 5, 1)] * 3
    assert used[0].cost_usd is not None
    assert sum(usage.cost_usd or 0 for usage in used) == total(found.task.spent).cost_usd
    assert {turn.model for turn in turns} == {"claude-test-1"}


def test_a_wait_for_the_model_is_no_attempt(deployment: Deployment) -> None:
    busy = ModelBusy("Overloaded.", retry_after=30.0, overloaded=True, throttled=True)
    deployment.model.then(busy, after(deployment.clock, 3, answer()))
    task = deployment.submit()

    deployment.work()
    deployment.clock.advance(60)
    deployment.sweep()
    deployment.work()

    found = told(deployment, task)
    assert [span.name for span in of_kind(found, TimelineSpanKind.WAIT)] == ["start", "waits_for_model"]
    attempts = of_kind(found, TimelineSpanKind.ATTEMPT)
    assert [(span.attempt, span.outcome, span.code) for span in attempts] == [
        (1, "waits_for_model", "MODEL_OVERLOADED"),
        (1, "completed", None),
    ]
    (turn,) = of_kind(found, TimelineSpanKind.TURN)
    assert (turn.started_at, turn.turn) == (attempts[1].started_at, 1)


def test_a_failed_attempt_says_why(deployment: Deployment) -> None:
    deployment.model.then(*[ModelBusy("Cut off.")] * 3)
    task = deployment.submit()

    for _ in range(3):
        deployment.work()
        deployment.clock.advance(60)

    assert [
        (span.attempt, span.outcome, span.code)
        for span in of_kind(told(deployment, task), TimelineSpanKind.ATTEMPT)
    ] == [
        (1, "retry", "MODEL_OVERLOADED"),
        (2, "retry", "MODEL_OVERLOADED"),
        (3, "failed", "MODEL_OVERLOADED"),
    ]


def test_a_question_lasts_until_its_answer(deployment: Deployment) -> None:
    deployment.model.then(
        after(deployment.clock, 4, uses(("ask_user", {"question": "Which?"}))),
        after(deployment.clock, 2, answer()),
    )
    task = deployment.submit()
    deployment.work()
    deployment.clock.advance(60)
    deployment.answerer().answer(deployment.now_of(task), "2026")
    deployment.clock.advance(1)

    deployment.work()

    assert course(deployment, task) == [
        ("wait", "start", 0.0, 0.0, None),
        ("attempt", None, 0.0, 4.0, "input_required"),
        ("turn", 1, 0.0, 4.0, None),
        ("question", None, 4.0, 64.0, None),
        ("wait", "answered", 64.0, 65.0, None),
        ("attempt", None, 65.0, 67.0, "completed"),
        ("turn", 2, 65.0, 67.0, None),
    ]


def test_a_started_task_is_told_with_its_own_times_and_cost(deployment: Deployment) -> None:
    deployment.model.on("Write a report.", uses(("call_agent", {"agent": "helper", "message": "Help."})))
    deployment.model.on("Help.", after(deployment.clock, 9, answer()))
    task = deployment.submit()
    for _ in range(3):
        deployment.work()

    found = told(deployment, task)

    (child,) = found.children
    (span,) = of_kind(found, TimelineSpanKind.CHILD)
    assert (span.ref, span.name, span.outcome) == (child.ref, "call_agent", "completed")
    assert (span.started_at, span.ended_at) == (child.created_at, child.completed_at)
    assert [wait.name for wait in of_kind(found, TimelineSpanKind.WAIT)] == ["start", "awaits_tasks"]
    shown = timeline_view(found)
    assert shown["children"][0]["agentId"] == "helper"
    assert shown["children"][0]["usage"]["outputTokens"] == 5
    own = sum(turn.usage.output_tokens for turn in of_kind(found, TimelineSpanKind.TURN) if turn.usage)
    assert (own, shown["usage"]["outputTokens"]) == (10, 15)


def test_a_running_task_shows_what_it_is_at(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.clock.advance(3)
    deployment.claim(task)

    assert course(deployment, task) == [
        ("wait", "start", 0.0, 3.0, None),
        ("attempt", None, 3.0, None, None),
        ("turn", 1, 3.0, None, None),
    ]


def test_a_tool_that_a_crash_cut_off_has_no_result(deployment: Deployment) -> None:
    deployment.model.then(uses(("Write", {"file_path": "a", "content": "x"})))
    task = deployment.submit()
    points = Failpoints()
    points.fail("records.put_record", Crash("before its result is saved"), call=4)

    with pytest.raises(Crash):
        deployment.work(points)

    (tool,) = of_kind(told(deployment, task), TimelineSpanKind.TOOL)
    assert (tool.name, tool.ended_at, tool.outcome) == ("Write", None, None)


def test_a_canceled_task_that_never_ran(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.clock.advance(5)
    deployment.finalizer().cancel(task)

    assert course(deployment, task) == [("wait", "start", 0.0, 5.0, None)]


def test_a_batch_holds_its_task(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit(lane=Lane.STANDARD))
    spans = spans_of(replace(task, lane=Lane.BATCH), [], {})

    assert [span.kind for span in spans] == [TimelineSpanKind.WAIT, TimelineSpanKind.BATCH]


def test_records_of_an_earlier_release_have_no_steps(deployment: Deployment) -> None:
    deployment.model.then(uses(PROGRESS), answer())
    task = deployment.submit()
    deployment.work()
    now = deployment.now_of(task)

    spans = spans_of(replace(now, events=(*now.events[:1], events.claimed(now.updated_at))), [], {})

    assert [span.kind for span in spans] == [TimelineSpanKind.WAIT, TimelineSpanKind.ATTEMPT]


def test_a_long_timeline_is_cut(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MAX_STEPS", 3)
    deployment.model.then(*(uses(PROGRESS, prefix=f"p{n}") for n in range(3)), answer())
    task = deployment.submit()
    deployment.work()

    found = told(deployment, task)

    assert timeline_view(found)["truncated"] is True
    assert len(of_kind(found, TimelineSpanKind.TOOL)) == 1


def test_no_text_is_shown(deployment: Deployment) -> None:
    deployment.model.then(uses(("report_progress", {"step": "SECRET"}), text="SECRET"), answer("SECRET"))
    task = deployment.submit("SECRET")
    deployment.work()

    assert "SECRET" not in str(timeline_view(told(deployment, task)))
