"""The notifier: the real handler on the stream that the real writes make, behind the template's filter."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.sqs.notification_messages import notification_of
from a2a_tasks.domain.guards import guard_of_cancel, guard_of_expiry, guard_of_worker
from a2a_tasks.domain.task import Artifact, Payload, Progress, Status, Task
from a2a_tasks.domain.webhooks.push import Notification, StoredPushConfig
from a2a_tasks.ports.tasks import Advance, Claim, Written
from tests.integration.support.account import PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import (
    NOW,
    QUESTION,
    WORKER,
    asking,
    claimed,
    completed,
    created,
    failed,
    given_back,
    outcome,
)
from tests.integration.support.table_stream import TableStream

UNTIL = NOW + 10**9


@pytest.fixture
def notifier(start: Callable[..., ModuleType]) -> ModuleType:
    return start("notifier")


@pytest.fixture
def stream(account: Account) -> TableStream:
    return TableStream(account)


def listened(account: Account, *config_ids: str, **changes: Any) -> Task:
    """A pending task with configurations, as a creation makes it."""
    task = created(account.store, notifies=True, **changes)
    for config_id in config_ids or ("a",):
        account.push.put(task.ref.task_id, StoredPushConfig(config_id, "https://example.com"), UNTIL)
    return task


def invoke(notifier: ModuleType, records: list[dict[str, Any]]) -> list[str]:
    """The records from which on Lambda is told to come again, by their number."""
    answer: dict[str, Any] = notifier.handler({"Records": records}, LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def told(account: Account) -> list[Notification]:
    """What is in the queue, by task, time and configuration."""
    found: list[Notification] = []
    while batch := account.receive("NotificationQueue"):
        found += [notification_of(record["body"]) for record in batch]
    return sorted(found, key=lambda one: (one.ref.task_id, one.at, one.config_id))


def sequence_numbers(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["SequenceNumber"] for record in records]


def test_each_change_of_a_tasks_status_is_told_once(
    account: Account, notifier: ModuleType, stream: TableStream
) -> None:
    task = listened(account)
    retried = given_back(account.store, claimed(account.store, task, NOW + 1), now=NOW + 2)
    asked = asking(account.store, retried, NOW + 3)
    account.store.resume(asked.ref, QUESTION.call_id, NOW + 4)
    current = account.store.get(task.ref)
    assert current is not None
    completed(account.store, current, NOW + 5, Payload(inline="{}"))

    assert invoke(notifier, stream.new()) == []

    changes = [(one.status, one.at - NOW) for one in told(account)]
    # `asking` and `completed` claim the task at the moment at which they write it
    assert sorted(changes, key=lambda change: change[1]) == [
        (Status.RUNNING, 1),
        (Status.PENDING, 2),
        *sorted([(Status.RUNNING, 3), (Status.INPUT_REQUIRED, 3)], reverse=changes[2][0] is Status.RUNNING),
        (Status.PENDING, 4),
        *sorted([(Status.RUNNING, 5), (Status.COMPLETED, 5)], reverse=changes[5][0] is Status.RUNNING),
    ]


def test_a_message_says_what_changed_and_for_whom(
    account: Account, notifier: ModuleType, stream: TableStream
) -> None:
    task = listened(account, "a", "b")
    claimed(account.store, task, NOW + 1)

    invoke(notifier, stream.new())

    first, second = told(account)
    assert (first.ref, first.project_id, first.config_id) == (task.ref, PROJECT, "a")
    assert (first.status, first.at, first.correlation_id) == (Status.RUNNING, NOW + 1, task.correlation_id)
    assert second.config_id == "b"
    assert first.notification_id != second.notification_id
    assert first.notification_id.startswith("msg_")


ENDS: dict[str, Callable[[Account, Task], object]] = {
    "completed": lambda account, task: completed(account.store, task, NOW + 2, Payload(inline="{}")),
    "failed": lambda account, task: failed(account.store, task, NOW + 2),
    "canceled": lambda account, task: account.store.finish(
        task.ref, outcome(Status.CANCELED, NOW + 2), guard_of_cancel(NOW + 2)
    ),
    "timed out": lambda account, task: account.store.finish(
        task.ref, outcome(Status.FAILED, task.deadline), guard_of_expiry(task.deadline)
    ),
}


@pytest.mark.parametrize("end", list(ENDS))
def test_every_end_is_told_whoever_wrote_it(
    account: Account, notifier: ModuleType, stream: TableStream, end: str
) -> None:
    task = listened(account)
    stream.all()

    ENDS[end](account, task)
    invoke(notifier, stream.new())

    ended = account.store.get(task.ref)
    assert ended is not None
    assert ended.is_terminal
    assert [one.status for one in told(account) if one.status is not Status.RUNNING] == [ended.status]


def test_what_changes_no_status_costs_no_invocation(account: Account, stream: TableStream) -> None:
    task = listened(account)
    assert stream.new() == [], "a creation is no change"
    running = claimed(account.store, task, NOW + 1)
    assert len(stream.new()) == 1

    progress, artifacts = Progress(step="half"), (Artifact("c", "n", "text/plain", key="k"),)
    account.store.advance(task.ref, running.fence, Advance(NOW + 2, turns=1, progress=progress))
    account.store.advance(task.ref, running.fence, Advance(NOW + 3, artifacts=artifacts))
    account.store.reschedule(task.ref, running.due_at or 0, NOW + 80_000)
    account.store.enable_notifications(task.ref)
    # another worker, after the first was lost
    later = NOW + 100_000
    again = account.store.claim(
        task.ref, Claim("second", later, "worker-2", running.fence, taken_from=WORKER)
    )
    assert isinstance(again, Written)
    assert stream.new() == []

    account.store.finish(task.ref, outcome(Status.CANCELED, later + 1), guard_of_cancel(later + 1))
    assert len(stream.new()) == 1
    account.store.add_partial_output(task.ref, again.task.fence, Payload(inline="{}"), ())
    account.store.delete(task.ref)
    assert stream.new() == []


def test_a_task_that_nobody_listens_to_costs_no_invocation(account: Account, stream: TableStream) -> None:
    task = created(account.store)
    completed(account.store, task, NOW + 1, Payload(inline="{}"))

    assert stream.new() == []


def test_from_an_addition_on_changes_are_told(
    account: Account, notifier: ModuleType, stream: TableStream
) -> None:
    task = claimed(account.store, created(account.store), NOW + 1)
    account.store.enable_notifications(task.ref)
    account.push.put(task.ref.task_id, StoredPushConfig("late", "https://example.com"), UNTIL)
    account.store.finish(task.ref, outcome(Status.COMPLETED, NOW + 2), guard_of_worker(task.fence))

    invoke(notifier, stream.new())

    assert [(one.config_id, one.status) for one in told(account)] == [("late", Status.COMPLETED)]


def test_a_record_that_is_none_of_ours_is_passed_over(account: Account, notifier: ModuleType) -> None:
    """Behind the filter there is none; it may be changed."""
    removed = {"dynamodb": {"SequenceNumber": "1", "OldImage": {"sk": {"S": "TASK#x"}}}}
    item = {"sk": {"S": "TURN#0001"}, "notify": {"BOOL": True}, "status": {"S": "x"}}
    other = {"dynamodb": {"SequenceNumber": "2", "OldImage": item, "NewImage": item | {"status": {"S": "y"}}}}

    assert invoke(notifier, [removed, other]) == []
    assert told(account) == []


def test_nobody_is_told_where_the_last_configuration_is_gone(
    account: Account, notifier: ModuleType, stream: TableStream
) -> None:
    task = listened(account)
    claimed(account.store, task, NOW + 1)
    account.push.delete(task.ref.task_id, "a")

    assert invoke(notifier, stream.new()) == []
    assert told(account) == []


# ---------------------------------------------------------------- what goes wrong


def test_records_that_come_twice_are_told_under_the_same_ids(
    account: Account, notifier: ModuleType, stream: TableStream
) -> None:
    for n in range(3):
        claimed(account.store, listened(account, "a", "b", number=n), NOW + 1)
    records = stream.new()

    invoke(notifier, records)
    first = told(account)
    invoke(notifier, records)

    assert len({one.notification_id for one in first}) == 6
    assert told(account) == first


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_what_is_not_queued_for_certain_comes_again(
    account: Account, notifier: ModuleType, stream: TableStream, fault: Fault
) -> None:
    tasks = [listened(account, "a", "b", number=n) for n in range(8)]
    for task in tasks:
        claimed(account.store, task, NOW + 1)
    records = stream.new()
    account.calls.fail("SendMessageBatch", fault)

    again = invoke(notifier, records)

    assert again == [sequence_numbers(records)[0]]
    assert len(told(account)) == (16 if fault is Fault.ANSWER_LOST else 6)
    assert invoke(notifier, records) == []
    assert len({one.notification_id for one in told(account)}) == 16


def test_a_store_that_does_not_answer_leaves_what_came_before_done(
    account: Account, notifier: ModuleType, stream: TableStream
) -> None:
    tasks = [listened(account, number=n) for n in range(3)]
    for task in tasks:
        claimed(account.store, task, NOW + 1)
    records = stream.new()
    account.calls.fail("Query", on=tasks[1].ref.task_id)

    again = invoke(notifier, records)

    assert again == [sequence_numbers(records)[1]]
    assert [one.ref for one in told(account)] == [tasks[0].ref]
    assert invoke(notifier, records[1:]) == []
    assert {one.ref for one in told(account)} == {tasks[1].ref, tasks[2].ref}
