"""A task's two clocks: the time of its run, from its first start, and the time that it waits for one."""

from dataclasses import replace

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.schedule import DISPATCH_GRACE_MS
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.model import ModelBusy
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Failpoints
from tests.twins.model import after, answer, hang, uses

MINUTE = 60
TIMEOUT_SECONDS = 300


def test_all_of_a_long_line_complete_although_most_wait_longer_than_their_timeout(
    deployment: Deployment,
) -> None:
    deployment.registry.apply(agent(max_concurrent_tasks=5))
    tasks = [deployment.submit(timeout_ms=TIMEOUT_SECONDS * 1000) for _ in range(60)]
    for _ in tasks:
        deployment.model.then(after(deployment.clock, MINUTE, answer("Done.")))

    while not all(deployment.now_of(task).is_terminal for task in tasks):
        deployment.work()
        deployment.sweep()
        deployment.clock.advance(1)

    ended = [deployment.now_of(task) for task in tasks]
    assert {task.status for task in ended} == {Status.COMPLETED}
    waited = [(task.started_at or 0) - task.created_at for task in ended]
    assert max(waited) > TIMEOUT_SECONDS * 1000


def test_the_run_has_its_whole_time_from_its_start_on(deployment: Deployment) -> None:
    task = deployment.submit(timeout_ms=100_000)
    deployment.clock.advance(3_600)
    started = deployment.clock.now()
    deployment.model.then(hang)
    deployment.work()
    ended = deployment.now_of(task)
    assert ended.failure is not None
    assert ended.failure.code is FailureCode.TIMEOUT
    assert 0 <= (ended.completed_at or 0) - started - 100_000 <= 5


def test_another_attempt_has_what_is_left_of_it(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.clock.advance(60)
    deployment.model.then(ModelBusy("Down."), answer("Done."))
    started = deployment.clock.now()
    deployment.work()
    waiting = deployment.now_of(task)
    assert (waiting.status, waiting.deadline) == (Status.PENDING, started + TIMEOUT_SECONDS * 1000)
    deployment.clock.advance(10)
    deployment.work()
    ended = deployment.now_of(task)
    assert (ended.status, ended.deadline) == (Status.COMPLETED, started + TIMEOUT_SECONDS * 1000)


def test_a_delayed_task_waits_from_when_it_may_start(deployment: Deployment) -> None:
    start = deployment.clock.now() + 3_600_000
    task = deployment.submit(not_before=start, queue_timeout_ms=60_000)
    assert task.deadline == start + 60_000
    deployment.queue.messages.clear()
    deployment.clock.advance(3_660)
    deployment.sweep()
    ended = deployment.now_of(task)
    assert ended.failure is not None
    assert ended.failure.code is FailureCode.QUEUE_TIMEOUT
    assert "it waited 60 s for a worker" in ended.failure.message


def test_it_says_what_a_task_of_a_conversation_waited_for(deployment: Deployment) -> None:
    deployment.submit("first", context_id="talk")
    second = deployment.submit("second", context_id="talk", queue_timeout_ms=60_000)
    deployment.clock.advance(60)
    ended = deployment.tasks().find("demo", "writer", second.ref.task_id)
    assert ended.failure is not None
    assert "or for its turn in its conversation" in ended.failure.message


def test_the_clock_stands_still_while_a_question_waits_and_its_answer_finds_the_time_left(
    deployment: Deployment,
) -> None:
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    task = deployment.submit()
    deployment.clock.advance(120)
    question = uses(("ask_user", {"question": "Which city?"}))
    deployment.model.then(after(deployment.clock, 100, question), answer("Done."))
    deployment.work()
    assert deployment.now_of(task).paused_ms == 200_000
    deployment.clock.advance(3_600)
    answered = deployment.answerer().answer(deployment.now_of(task), "Berlin")
    assert answered.deadline == deployment.clock.now() + 200_000
    deployment.work()
    assert deployment.now_of(task).status is Status.COMPLETED


def test_a_started_task_is_bound_by_what_its_starter_has_left(deployment: Deployment) -> None:
    deployment.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"writer"})))
    deployment.registry.apply(agent(allowed_tools=("call_agent",)))
    parent = deployment.submit(timeout_ms=100_000)
    deployment.clock.advance(500)
    deployment.model.then(uses(("call_agent", {"agent": "writer", "message": "Help."})), hang)
    deployment.work()
    deadline = deployment.now_of(parent).deadline
    assert deadline == deployment.clock.now() + 100_000
    deployment.clock.advance(30)
    deployment.work()
    (child,) = (task for task in deployment.store.tasks.values() if task.ref != parent.ref)
    assert child.failure is not None
    assert (child.failure.code, child.deadline) == (FailureCode.TIMEOUT, deadline)


def test_a_task_of_an_earlier_release_keeps_its_deadline(deployment: Deployment) -> None:
    task = deployment.submit()
    before = replace(task, paused_ms=None, deadline=task.created_at + TIMEOUT_SECONDS * 1000)
    deployment.store.tasks[task.ref] = before
    deployment.clock.advance(299)
    deployment.model.then(hang)
    deployment.work()
    ended = deployment.now_of(task)
    assert ended.failure is not None
    assert ended.failure.code is FailureCode.TIMEOUT
    assert ended.deadline == before.deadline


class TestDue:
    """Somebody looks at a task at its deadline, whatever a sweep does while it starts."""

    def test_a_short_run_is_due_at_its_end(self, deployment: Deployment) -> None:
        task = deployment.claim(deployment.submit(timeout_ms=1_000))
        assert task.due_at == task.deadline == deployment.clock.now() + 1_000

    def test_a_sweep_right_before_the_claim_does_not_keep_it_from_its_start(
        self, deployment: Deployment
    ) -> None:
        task = deployment.submit(timeout_ms=20_000)
        deployment.clock.advance(DISPATCH_GRACE_MS / 1000)
        points = Failpoints()
        points.before("store.claim", lambda: deployment.sweep())
        deployment.work(points)
        assert deployment.now_of(task).status is Status.COMPLETED

    def test_a_sweep_right_after_it_does_not_move_it(self, deployment: Deployment) -> None:
        task = deployment.submit(timeout_ms=20_000)
        deployment.clock.advance(DISPATCH_GRACE_MS / 1000)
        points = Failpoints()
        points.before("store.reschedule", lambda: deployment.claim(deployment.now_of(task)))
        deployment.sweep(points)
        running = deployment.now_of(task)
        assert (running.status, running.due_at) == (Status.RUNNING, running.deadline - 20_000)
