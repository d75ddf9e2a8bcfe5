"""Notifications: every change of a task that somebody listens to is told, whoever made it, under one id."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a2a_tasks.domain.dead_letter import MOST_DEAD_LETTERS, Undelivered
from a2a_tasks.domain.task import Lane, Status, Task
from a2a_tasks.domain.webhooks.push import (
    MAX_CONFIGS,
    Notification,
    PushConfig,
    StatusChange,
    notification_of,
)
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.queues import SendFailure
from a2a_tasks.tasks.submission import Idempotency, Submission
from a2a_tasks.webhooks.push_configs import PushConfigs
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import answer, uses
from tests.twins.timed_queue import MemorySender

HOOK = PushConfig("https://example.com/hook", token="t0ken")
DAY = 24 * 3_600
"""In seconds: as long as a task waits for its start."""
ASK = uses(("ask_user", {"question": "Which year?"}))


def submit(deployment: Deployment, **changes: Any) -> Task:
    return deployment.submit(push=HOOK, **changes)


def told(deployment: Deployment) -> list[Status]:
    """The statuses that the one receiver of the one task was told of, in the order of sending."""
    assert deployment.notify()
    return [notification.status for notification in deployment.notifications.sent]


def answer_question(deployment: Deployment, task: Task, text: str = "2026") -> None:
    deployment.answerer().answer(deployment.now_of(task), text)


# ---------------------------------------------------------------- who changes a task


def test_a_task_that_completes(deployment: Deployment) -> None:
    submit(deployment)
    deployment.work()
    assert told(deployment) == [Status.RUNNING, Status.COMPLETED]


def test_a_task_that_its_worker_fails(deployment: Deployment) -> None:
    deployment.model.then(answer("No.", "refusal"))
    submit(deployment)
    deployment.work()
    assert told(deployment) == [Status.RUNNING, Status.FAILED]


def test_a_task_that_asks_and_is_answered(deployment: Deployment) -> None:
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    deployment.model.then(ASK, answer())
    task = submit(deployment)
    deployment.work()
    assert told(deployment) == [Status.RUNNING, Status.INPUT_REQUIRED]
    answer_question(deployment, task)
    deployment.work()
    assert told(deployment)[2:] == [Status.PENDING, Status.RUNNING, Status.COMPLETED]


def test_a_task_that_is_canceled(deployment: Deployment) -> None:
    task = submit(deployment)
    deployment.tasks().cancel("demo", "writer", task.ref.task_id)
    deployment.tasks().cancel("demo", "writer", task.ref.task_id)
    assert told(deployment) == [Status.CANCELED]


def test_a_task_whose_deadline_a_reader_notices(deployment: Deployment) -> None:
    task = submit(deployment)
    deployment.clock.advance(DAY)
    deployment.shown(task)
    deployment.shown(task)
    deployment.sweep()
    assert told(deployment) == [Status.FAILED]


def test_a_task_whose_deadline_the_sweeper_notices(deployment: Deployment) -> None:
    submit(deployment)
    deployment.clock.advance(DAY)
    deployment.sweep()
    assert told(deployment) == [Status.FAILED]


def test_a_task_whose_messages_are_dead(deployment: Deployment) -> None:
    task = submit(deployment)
    given_up = Undelivered(MOST_DEAD_LETTERS)
    deployment.store.note_undelivered(task.ref, 0, None, given_up, task.deadline)
    for delivery in deployment.queue.receive():
        deployment.dead_letters().handle(delivery)
    assert told(deployment) == [Status.FAILED]


def test_a_task_that_another_worker_takes_over(deployment: Deployment) -> None:
    """It runs all the time, for all that its receiver need know."""
    deployment.model.then(Crash("SIGKILL"), answer())
    task = submit(deployment)
    with pytest.raises(Crash):
        deployment.work()
    for _ in range(3):
        deployment.clock.advance(60)
        deployment.sweep()
        deployment.work()
    assert deployment.now_of(task).fence == 2
    assert told(deployment) == [Status.RUNNING, Status.COMPLETED]


def test_a_creation_is_no_change_and_neither_is_a_repetition(deployment: Deployment) -> None:
    submit(deployment)
    assert told(deployment) == []


def test_a_task_of_the_batch_lane(deployment: Deployment) -> None:
    task = submit(deployment, lane=Lane.BATCH)
    deployment.tasks().cancel("demo", "writer", task.ref.task_id)
    assert told(deployment) == [Status.CANCELED]


def test_a_task_that_is_cleaned_up_tells_nobody(deployment: Deployment) -> None:
    task = submit(deployment)
    deployment.work()
    told(deployment)
    deployment.clock.advance(10 * 24 * 3_600)
    deployment.let_ttl_pass()
    assert deployment.store.get(task.ref) is None
    assert len(told(deployment)) == 2


# ---------------------------------------------------------------- who is told


def create(deployment: Deployment, task: Task, failpoints: Failpoints | None = None, **changes: Any) -> str:
    config = PushConfig(**{"url": HOOK.url} | changes)
    configs: PushConfigs = deployment.push_configs(failpoints)
    return configs.create("demo", "writer", task.ref.task_id, config).config_id


def test_nobody_where_nobody_listens(deployment: Deployment) -> None:
    deployment.submit()
    deployment.work()
    assert told(deployment) == []


def test_each_receiver_of_a_task_and_no_other_tasks(deployment: Deployment) -> None:
    first, second = submit(deployment), submit(deployment)
    create(deployment, first, config_id="more")
    deployment.tasks().cancel("demo", "writer", first.ref.task_id)
    deployment.tasks().cancel("demo", "writer", second.ref.task_id)
    told(deployment)
    sent = {(one.ref, one.config_id) for one in deployment.notifications.sent}
    assert sent == {
        (first.ref, first.ref.task_id),
        (first.ref, "more"),
        (second.ref, second.ref.task_id),
    }


def test_one_that_is_added_is_told_of_what_comes_after(deployment: Deployment) -> None:
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    deployment.model.then(ASK, answer())
    task = deployment.submit()
    deployment.work()
    create(deployment, task)
    assert told(deployment) == []
    answer_question(deployment, task)
    deployment.work()
    assert told(deployment) == [Status.PENDING, Status.RUNNING, Status.COMPLETED]


def test_one_that_is_deleted_is_told_no_more(deployment: Deployment) -> None:
    task = submit(deployment)
    deployment.push_configs().delete("demo", "writer", task.ref.task_id, task.ref.task_id)
    deployment.work()
    assert told(deployment) == []


def test_all_of_the_most_that_a_task_may_have(deployment: Deployment) -> None:
    task = deployment.submit()
    for n in range(MAX_CONFIGS):
        create(deployment, task, config_id=f"{n}")
    deployment.work()
    assert told(deployment) == [Status.RUNNING] * MAX_CONFIGS + [Status.COMPLETED] * MAX_CONFIGS


@pytest.mark.parametrize(
    "point", ["store.get", "push.all", "store.enable_notifications", "sealing.seal", "push.put"]
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_addition_that_dies_leaves_no_configuration_of_which_nobody_is_told(
    deployment: Deployment, point: str, after: bool
) -> None:
    task, points = deployment.submit(), Failpoints()
    points.fail(point, Crash(point), after=after)
    with pytest.raises(Crash):
        create(deployment, task, points, config_id="mine", token="x")
    listed = deployment.push_configs().list("demo", "writer", task.ref.task_id)
    deployment.work()
    assert told(deployment) == ([Status.RUNNING, Status.COMPLETED] if listed else [])


def test_an_addition_to_a_task_that_is_cleaned_up_meanwhile_finds_none(deployment: Deployment) -> None:
    task, points = deployment.submit(), Failpoints()
    points.before("store.enable_notifications", lambda: deployment.store.delete(task.ref))
    with pytest.raises(Exception, match="TASK_NOT_FOUND"):
        create(deployment, task, points)
    assert deployment.push.by_task == {}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("point", ["sealing.seal", "push.put", "store.create", "queue.send"])
def test_a_creation_that_dies_and_is_repeated_has_one_configuration(
    deployment: Deployment, point: str, after: bool
) -> None:
    asked = Submission(
        "demo", "writer", "Hi.", None, None, "request-1", push=HOOK, idempotency=Idempotency("k", "d")
    )
    points = Failpoints()
    points.fail(point, Crash(point), after=after)
    with pytest.raises(Crash):
        deployment.submitter(points).submit(asked)
    task = deployment.submitter().submit(asked)
    deployment.clock.advance(31)
    deployment.sweep()
    deployment.work()
    assert deployment.push.ids(task.ref.task_id) == [task.ref.task_id]
    assert told(deployment) == [Status.RUNNING, Status.COMPLETED]


def say(deployment: Deployment, message: str, **changes: Any) -> Task:
    said = Submission("demo", "writer", message, None, None, "request-1", context_id="talk", **changes)
    return deployment.message_sender().begin(said)


def test_a_message_that_is_waited_for_has_its_receiver(deployment: Deployment) -> None:
    say(deployment, "Hi.", push=HOOK)
    deployment.work()
    assert told(deployment) == [Status.RUNNING, Status.COMPLETED]


@pytest.mark.parametrize("times", [1, 2])
def test_a_message_that_answers_a_question_brings_its_receiver(deployment: Deployment, times: int) -> None:
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    deployment.model.then(ASK, answer())
    task = say(deployment, "Write.")
    deployment.work()
    for _ in range(times):
        answered = say(deployment, "2026", push=HOOK, idempotency=Idempotency("k", "d"))
        assert answered.ref == task.ref
    deployment.work()
    assert deployment.push.ids(task.ref.task_id) == [task.ref.task_id]
    assert told(deployment) == [Status.PENDING, Status.RUNNING, Status.COMPLETED]


# ---------------------------------------------------------------- what goes wrong on the way


def ids_of(sent: list[Notification]) -> list[str]:
    return [notification.notification_id for notification in sent]


def test_what_comes_twice_has_the_same_id(deployment: Deployment) -> None:
    submit(deployment)
    deployment.work()
    told(deployment)
    first = ids_of(deployment.notifications.sent)
    deployment.stream.position = 0
    told(deployment)
    assert ids_of(deployment.notifications.sent) == first * 2
    assert len(set(first)) == 2


def test_a_retry_is_a_change_of_its_own(deployment: Deployment) -> None:
    """Running, waiting and running again: the same words, but other changes."""
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    deployment.model.then(ASK, uses(("ask_user", {"question": "Sure?"}), prefix="second"), answer())
    task = submit(deployment)
    deployment.work()
    for _ in range(2):
        answer_question(deployment, task)
        deployment.work()
    statuses = told(deployment)
    assert statuses.count(Status.RUNNING) == 3
    assert statuses.count(Status.INPUT_REQUIRED) == 2
    assert len(set(ids_of(deployment.notifications.sent))) == len(statuses)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("point", "call"), [("push.ids", 1), ("push.ids", 2), ("notifications.send", 1)])
def test_a_notifier_that_dies_loses_nothing(
    deployment: Deployment, point: str, after: bool, call: int
) -> None:
    submit(deployment)
    deployment.work()
    points = Failpoints()
    points.fail(point, Crash(point), call=call, after=after)
    deployment.notify(points)
    assert points.dead
    assert set(told(deployment)) == {Status.RUNNING, Status.COMPLETED}
    assert len(set(ids_of(deployment.notifications.sent))) == 2


def test_what_was_done_before_a_failure_is_not_done_again(deployment: Deployment) -> None:
    for _ in range(3):
        submit(deployment)
    deployment.work()
    points = Failpoints()
    points.fail("push.ids", StoreUnavailable("throttled"), call=3)
    assert not deployment.notify(points)
    assert len(deployment.notifications.sent) == 2
    told(deployment)
    sent = ids_of(deployment.notifications.sent)
    assert len(sent) == len(set(sent)) == 6
    assert [line.name for line in deployment.telemetry.problems] == ["receivers of notifications not read"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ids", "send", "lost", "some", "die", ""]), max_size=8), st.integers(0, 3))
def test_however_often_it_fails_every_change_is_told(faults: list[str], tasks: int) -> None:
    deployment = Deployment()
    for _ in range(tasks):
        create(deployment, submit(deployment), config_id="more")
    deployment.work()
    for fault in faults:
        points = Failpoints()
        queue = deployment.notifications
        match fault:
            case "ids":
                points.fail("push.ids", StoreUnavailable("gone"), call=2)
            case "die":
                points.fail("notifications.send", Crash("died"), after=True)
            case "send" | "lost" | "some":
                deployment.notifications = Flaky(queue.sent, fault)
        deployment.notify(points)
        deployment.notifications = queue
    told(deployment)
    expected = {
        (change.after.ref, change.after.status, config_id)
        for change in deployment.store.changes
        if change.before and change.before.status is not change.after.status
        for config_id in deployment.push.ids(change.after.ref.task_id)
    }
    assert {(one.ref, one.status, one.config_id) for one in deployment.notifications.sent} == expected
    assert len(set(ids_of(deployment.notifications.sent))) == len(expected)


class Flaky(MemorySender[Notification]):
    """A queue that takes none, takes all but says otherwise, or takes every other one."""

    def __init__(self, sent: list[Notification], fault: str) -> None:
        super().__init__(sent)
        self.fault = fault

    def send(self, notifications: Any) -> Any:
        failed = list(notifications)[1::2] if self.fault == "some" else list(notifications)
        self.sent += [one for one in notifications if self.fault == "lost" or one not in failed]
        return [SendFailure(one, self.fault) for one in failed]


def test_an_id_says_nothing_but_is_fit_for_a_header(deployment: Deployment) -> None:
    task = submit(deployment)
    one = notification_of(StatusChange(task, Status.RUNNING), "a.b")
    assert one.notification_id.removeprefix("msg_").isalnum()
    assert len(one.notification_id) == 36
