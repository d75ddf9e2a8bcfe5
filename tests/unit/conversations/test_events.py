"""What a caller is told who follows a task by its cursor, whatever happens to it meanwhile."""

from typing import Any

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.model import ModelBusy
from a2a_tasks.views.events import events_view
from tests.twins.deployment import LEASE_SECONDS, MAX_WAIT_MS, Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import after, answer, hang, uses

TOOLS = ("Read", "Write", "report_progress", "save_artifact", "ask_user", "call_agent", "TodoWrite")
ARTIFACT = ("save_artifact", {"name": "报告.md", "media_type": "text/markdown", "content": "# 报告"})
READ = ("Read", {"file_path": "a"})
WRITE = ("Write", {"file_path": "a", "content": "b"})
LOST = StoreUnavailable("no answer")


@pytest.fixture
def with_tools(deployment: Deployment) -> Deployment:
    deployment.registry.apply(agent(allowed_tools=TOOLS))
    return deployment


def read(
    deployment: Deployment, task: Task, after: int = 0, *, limit: int = 100, wait: float = 0
) -> dict[str, Any]:
    asked = task.ref.agent_id, task.ref.task_id, after, limit, wait
    return events_view(deployment.tasks().events("demo", *asked))


def told(deployment: Deployment, task: Task) -> list[dict[str, Any]]:
    """All events of a task, without their numbers and times, which have been checked."""
    events = read(deployment, task)["events"]
    assert [event.pop("id") for event in events] == [str(number) for number in range(1, len(events) + 1)]
    times = [event.pop("at") for event in events]
    assert times == sorted(times)
    return [{name: value for name, value in event.items() if name != "type"} for event in events]


def running(attempt: int = 1) -> dict[str, Any]:
    return {"status": "running", "attempt": attempt}


PENDING = {"status": "pending"}
COMPLETED = {"status": "completed"}


def test_a_task_of_one_turn(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.work()

    assert told(deployment, task) == [PENDING, running(), COMPLETED]
    assert read(deployment, task)["taskStatus"] == "completed"


def test_turns_with_their_tools_and_what_these_have_done(with_tools: Deployment) -> None:
    task = with_tools.submit()
    with_tools.model.then(
        uses(
            ("report_progress", {"step": "Writing", "percent": 10}),
            WRITE,
        ),
        uses(ARTIFACT, READ, READ, prefix="second"),
        answer(),
    )
    with_tools.work()

    assert told(with_tools, task) == [
        PENDING,
        running(),
        {"turn": 1, "tools": ["report_progress", "Write"]},
        {"step": "Writing", "percent": 10},
        {"tool": "Write"},
        {"turn": 2, "tools": ["save_artifact", "Read"]},
        {"artifactId": "second-1", "name": "报告.md"},
        COMPLETED,
    ]


def test_a_retry_says_why(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.model.then(ModelBusy("Overloaded."), answer())
    deployment.work()
    deployment.clock.advance(5)
    deployment.work()

    retry = {"status": "pending", "reason": "retry", "code": "MODEL_OVERLOADED"}
    assert told(deployment, task) == [PENDING, running(), retry, running(2), COMPLETED]


def test_a_task_that_is_handed_over_goes_on_as_the_same_attempt(with_tools: Deployment) -> None:
    task = with_tools.submit()
    with_tools.model.then(after(with_tools.clock, 30, uses(READ)), answer())
    with_tools.work(seconds=80)
    with_tools.work()

    handed_over = {"status": "pending", "reason": "handed_over"}
    turn = {"turn": 1, "tools": ["Read"]}
    assert told(with_tools, task) == [PENDING, running(), turn, handed_over, running(), COMPLETED]


def test_a_question_and_its_answer(with_tools: Deployment) -> None:
    task = with_tools.submit()
    with_tools.model.then(uses(("ask_user", {"question": "Which city?"})), answer())
    with_tools.work()
    with_tools.answerer().answer(with_tools.now_of(task), "Paris.")
    with_tools.work()

    assert told(with_tools, task) == [
        PENDING,
        running(),
        {"turn": 1, "tools": ["ask_user"]},
        {"status": "input_required"},
        {"status": "pending", "reason": "answered"},
        running(),
        COMPLETED,
    ]


def test_a_question_that_nobody_answers(with_tools: Deployment) -> None:
    task = with_tools.submit()
    with_tools.model.then(uses(("ask_user", {"question": "Which city?"})))
    with_tools.work()
    with_tools.clock.advance(MAX_WAIT_MS / 1000)

    assert told(with_tools, task)[-2:] == [
        {"status": "input_required"},
        {"status": "failed", "code": "TIMEOUT"},
    ]


def test_another_agents_task(with_tools: Deployment) -> None:
    with_tools.registry.apply(agent("helper"))
    with_tools.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
    task = with_tools.submit()
    with_tools.model.then(uses(("call_agent", {"agent": "helper", "message": "Help."})))
    with_tools.model.on("Help.", answer())
    for _ in range(3):
        with_tools.work()
        with_tools.clock.advance(1)

    assert told(with_tools, task) == [
        PENDING,
        running(),
        {"turn": 1, "tools": ["call_agent"]},
        {"tool": "call_agent"},
        {"status": "pending", "reason": "awaits_tasks"},
        running(),
        COMPLETED,
    ]


def test_a_cancel(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.model.then(hang)
    deployment.clock.later(20, lambda: deployment.tasks().cancel("demo", "writer", task.ref.task_id))
    deployment.work()

    assert told(deployment, task) == [PENDING, running(), {"status": "canceled"}]


def test_a_task_past_its_deadline_is_settled_before_it_is_read(deployment: Deployment) -> None:
    task = deployment.submit(queue_timeout_ms=300_000)
    deployment.clock.advance(301)

    answer = read(deployment, task)

    assert answer["taskStatus"] == "failed"
    assert told(deployment, task) == [PENDING, {"status": "failed", "code": "QUEUE_TIMEOUT"}]


def test_a_worker_that_dies(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.model.then(after(deployment.clock, 30, Crash("SIGKILL")), answer())
    with pytest.raises(Crash):
        deployment.work()
    deployment.clock.advance(LEASE_SECONDS)
    deployment.work()

    assert told(deployment, task) == [PENDING, running(), running(2), COMPLETED]


@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("after_it", [False, True])
def test_a_checkpoint_whose_answer_is_lost_is_told_once(
    with_tools: Deployment, call: int, after_it: bool
) -> None:
    task = with_tools.submit()
    with_tools.model.then(
        uses(("report_progress", {"step": "Writing"}), WRITE, ARTIFACT),
        uses(READ, prefix="second"),
        answer(),
    )
    points = Failpoints()
    points.fail("store.advance", LOST, call=call, after=after_it)
    with_tools.work(points)

    assert points.calls["store.advance"] == 6, "the call that failed was made again"
    assert told(with_tools, task) == [
        PENDING,
        running(),
        {"turn": 1, "tools": ["report_progress", "Write", "save_artifact"]},
        {"step": "Writing"},
        {"tool": "Write"},
        {"artifactId": "call-3", "name": "报告.md"},
        {"turn": 2, "tools": ["Read"]},
        COMPLETED,
    ]


def test_a_tool_that_runs_again_after_a_crash_is_not_told_again(with_tools: Deployment) -> None:
    task = with_tools.submit()
    with_tools.model.then(uses(("report_progress", {"step": "Writing"}), ARTIFACT), answer())
    for record in (3, 2):  # the first tool's answer, behind the prompt and the turn; then the second's
        points = Failpoints()
        points.fail("records.put_record", Crash("SIGKILL"), call=record)
        with pytest.raises(Crash):
            with_tools.work(points)
        with_tools.clock.advance(LEASE_SECONDS)
    with_tools.work()

    events = told(with_tools, task)
    assert [event for event in events if "step" in event] == [{"step": "Writing"}]
    assert [event for event in events if "artifactId" in event] == [
        {"artifactId": "call-2", "name": "报告.md"}
    ]
    assert [event["attempt"] for event in events if event.get("status") == "running"] == [1, 2, 3]


# ---------------------------------------------------------------- waiting


def test_a_wait_ends_with_the_next_event(deployment: Deployment) -> None:
    task = deployment.submit()
    start = deployment.clock.now()
    deployment.clock.later(3, lambda: deployment.tasks().cancel("demo", "writer", task.ref.task_id))

    answer = read(deployment, task, 1, wait=20)

    assert [event["status"] for event in answer["events"]] == ["canceled"]
    assert 3_000 <= deployment.clock.now() - start <= 4_000


def test_a_wait_is_over_when_its_seconds_are(deployment: Deployment) -> None:
    task = deployment.submit()
    start = deployment.clock.now()

    answer = read(deployment, task, 1, wait=20)

    assert answer == {"events": [], "nextCursor": "1", "taskStatus": "pending"}
    assert deployment.clock.now() - start == 20_000


def test_nobody_waits_for_what_is_there_or_will_not_come(deployment: Deployment) -> None:
    task = deployment.submit()
    start = deployment.clock.now()

    assert read(deployment, task, 0, wait=20)["nextCursor"] == "1"
    deployment.tasks().cancel("demo", "writer", task.ref.task_id)
    assert read(deployment, task, 2, wait=20) == {"events": [], "nextCursor": "2", "taskStatus": "canceled"}
    assert deployment.clock.now() == start


def test_a_wait_sees_a_question_answered(with_tools: Deployment) -> None:
    """A follower of events waits on where a reader of the task would be answered: it stands still."""
    task = with_tools.submit()
    with_tools.model.then(uses(("ask_user", {"question": "Which city?"})), answer())
    with_tools.work()
    with_tools.clock.later(2, lambda: with_tools.answerer().answer(with_tools.now_of(task), "Paris."))

    news = read(with_tools, task, 4, wait=20)

    assert [event["reason"] for event in news["events"]] == ["answered"]


def test_a_wait_settles_the_deadline(deployment: Deployment) -> None:
    task = deployment.submit(queue_timeout_ms=300_000)
    deployment.clock.advance(290)

    answer = read(deployment, task, 1, wait=20)

    assert [event["code"] for event in answer["events"]] == ["QUEUE_TIMEOUT"]


@pytest.mark.parametrize("wait", [0, 20])
def test_a_cursor_that_the_task_has_not_reached_is_refused_at_once(deployment: Deployment, wait: int) -> None:
    task = deployment.submit()
    start = deployment.clock.now()

    with pytest.raises(RequestRefused) as refused:
        read(deployment, task, 2, wait=wait)

    assert refused.value.code is ErrorCode.VALIDATION_ERROR
    assert refused.value.message.startswith("after: ")
    assert deployment.clock.now() == start
