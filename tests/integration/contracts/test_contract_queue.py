"""The contract of ``TaskSender`` and ``DeliveryHandler``: the same on SQS and in memory."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from a2a_tasks.adapters.sqs.task_queue import SLOW_MS, DirectQueue, SQSTaskQueue
from a2a_tasks.domain.task import Priority, Task, TaskRef
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery
from tests.integration.support.account import PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.event_files import load_event
from tests.integration.support.stored_task import new_task
from tests.twins.clock import FakeClock
from tests.twins.queue import MemoryQueue

TASK = new_task()


@dataclass(frozen=True)
class Channel:
    """A queue with the means to receive from it."""

    queue: SQSTaskQueue | MemoryQueue
    receive: Callable[[], list[Delivery]]


@pytest.fixture(params=["sqs", "memory"])
def channel(request: pytest.FixtureRequest) -> Channel:
    if request.param == "memory":
        queue = MemoryQueue(FakeClock())
        return Channel(queue, queue.receive)
    account: Account = request.getfixturevalue("account")
    return Channel(account.queue, lambda: received(account))


def received(account: Account) -> list[Delivery]:
    return [account.queue.delivery_of(record) for record in account.receive()]


def test_a_message_names_its_task_and_request(channel: Channel) -> None:
    channel.queue.send(TASK)

    (delivery,) = channel.receive()

    assert (delivery.ref, delivery.correlation_id) == (TASK.ref, TASK.correlation_id)
    assert delivery.receive_count == 1
    assert delivery.message_id
    assert delivery.receipt


def test_it_tells_how_many_messages_wait(channel: Channel) -> None:
    assert channel.queue.waiting(is_urgent=False) == 0
    for _ in range(3):
        channel.queue.send(TASK)
    channel.queue.send(TASK, 60)
    channel.queue.send(TASK, has_slot=True)
    assert channel.queue.waiting(is_urgent=False) == 3
    assert channel.queue.waiting(is_urgent=True) == 1
    channel.receive()
    channel.receive()
    assert channel.queue.waiting(is_urgent=False) < 3
    assert channel.queue.waiting(is_urgent=True) == 0


def test_a_received_message_is_invisible_until_it_is_shown_again(channel: Channel) -> None:
    channel.queue.send(TASK)
    (delivery,) = channel.receive()
    assert channel.receive() == []

    channel.queue.change_visibility([delivery], 0)

    (again,) = channel.receive()
    assert (again.message_id, again.ref, again.receive_count) == (delivery.message_id, TASK.ref, 2)


def test_a_delayed_message_is_not_there_yet(channel: Channel) -> None:
    channel.queue.send(TASK, delay_seconds=900)

    assert channel.receive() == []


def test_a_deleted_message_is_gone(channel: Channel) -> None:
    channel.queue.send(TASK)
    (delivery,) = channel.receive()

    channel.queue.delete(delivery)

    with pytest.raises(QueueUnavailable):
        channel.queue.change_visibility([delivery], 0)
    assert channel.receive() == []


def test_ten_messages_are_invisible_in_one_call(channel: Channel) -> None:
    for n in range(10):
        channel.queue.send(new_task(number=n))
    deliveries = channel.receive()

    channel.queue.change_visibility(deliveries, 0)

    assert {delivery.ref for delivery in channel.receive()} == {new_task(number=n).ref for n in range(10)}


def test_an_impossible_delay_is_refused(channel: Channel) -> None:
    with pytest.raises(QueueUnavailable):
        channel.queue.send(TASK, delay_seconds=901)


def test_an_impossible_hiding_time_is_refused(channel: Channel) -> None:
    channel.queue.send(TASK)
    deliveries = channel.receive()

    with pytest.raises(QueueUnavailable):
        channel.queue.change_visibility(deliveries, 43_201)


BEGUN = replace(TASK, started_at=TASK.created_at)


@pytest.mark.parametrize(
    ("task", "has_slot"),
    [(BEGUN, False), (replace(TASK, priority=Priority.HIGH), False), (TASK, True)],
    ids=["begun", "high", "with a slot"],
)
def test_what_goes_first_is_received_before_what_has_waited_longer(
    channel: Channel, task: Task, has_slot: bool
) -> None:
    first = replace(task, ref=new_task(number=1).ref)
    channel.queue.send(TASK)
    channel.queue.send(first, has_slot=has_slot)

    taken = channel.queue.receive(1, 45) + channel.queue.receive(1, 45)

    assert [(delivery.ref, delivery.is_urgent) for delivery in taken] == [
        (first.ref, True),
        (TASK.ref, False),
    ]


def test_messages_of_both_kinds_are_invisible_and_deleted_together(channel: Channel) -> None:
    channel.queue.send(TASK)
    channel.queue.send(replace(BEGUN, ref=new_task(number=1).ref))
    deliveries = channel.receive()

    channel.queue.change_visibility(deliveries, 0)

    assert {delivery.ref for delivery in channel.receive()} == {delivery.ref for delivery in deliveries}
    for delivery in deliveries:
        channel.queue.delete(delivery)


def test_one_project_does_not_hold_up_another(account: Account) -> None:
    account.queue.send(TASK)

    assert account.calls.of("SendMessage")[0].parameters["MessageGroupId"] == PROJECT


def test_one_message_that_is_gone_is_named_and_the_others_are_invisible(account: Account) -> None:
    for n in range(2):
        account.queue.send(new_task(number=n))
    gone, there = received(account)
    account.queue.delete(gone)

    with pytest.raises(QueueUnavailable, match=r"^1 of 2 messages keep their visibility timeout: "):
        account.queue.change_visibility([gone, there], 0)

    assert [record["messageId"] for record in account.receive()] == [there.message_id]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "null",
        "[]",
        '"text"',
        "7",
        "{}",
        json.dumps({"agentId": TASK.ref.agent_id}),
        json.dumps({"agentId": 7, "taskId": TASK.ref.task_id}),
        json.dumps({"agentId": "Not An Id", "taskId": TASK.ref.task_id}),
        json.dumps({"agentId": TASK.ref.agent_id, "taskId": "x"}),
        json.dumps({"agentId": TASK.ref.agent_id, "taskId": None}),
        json.dumps({"agentId": TASK.ref.agent_id, "taskId": 7}),
        json.dumps({"agentId": TASK.ref.agent_id, "taskId": TASK.ref.task_id.upper()}),
    ],
)
def test_a_body_that_names_no_task_has_no_ref(account: Account, body: str) -> None:
    record = load_event("worker_sqs")["Records"][0] | {"body": body}

    assert account.queue.delivery_of(record).ref is None


def test_a_record_of_an_event_is_a_delivery(account: Account) -> None:
    record: dict[str, Any] = load_event("worker_sqs")["Records"][0]

    delivery = account.queue.delivery_of(record)

    assert delivery == Delivery(
        message_id=record["messageId"],
        receipt=record["receiptHandle"],
        ref=TaskRef("assistant", json.loads(record["body"])["taskId"]),
        correlation_id=record["messageAttributes"]["correlationId"]["stringValue"],
        receive_count=1,
    )
    assert account.queue.delivery_of(record | {"messageAttributes": {}}) == replace(
        delivery, correlation_id=""
    )


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("SendMessage", lambda queue, _: queue.send(TASK)),
        ("ChangeMessageVisibilityBatch", lambda queue, delivery: queue.change_visibility([delivery], 1)),
        ("DeleteMessage", lambda queue, delivery: queue.delete(delivery)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED, Fault.ANSWER_LOST])
def test_no_answer_is_queue_unavailable(
    account: Account, operation: str, call: Callable[[SQSTaskQueue, Delivery], object], fault: Fault
) -> None:
    account.queue.send(TASK)
    (record,) = account.receive()
    account.calls.fail(operation, fault)

    with pytest.raises(QueueUnavailable):
        call(account.queue, account.queue.delivery_of(record))


def test_a_worker_receives_what_is_there_and_hides_it_for_so_long(account: Account) -> None:
    account.queue.send(TASK)
    account.sqs.send_message(QueueUrl=account.resources["TaskQueue"], MessageBody="no task")

    received = account.queue.receive(10, 45)

    assert {delivery.ref for delivery in received} == {TASK.ref, None}
    (ours,) = [delivery for delivery in received if delivery.ref]
    assert (ours.correlation_id, ours.receive_count) == (TASK.correlation_id, 1)
    urgent, others = account.calls.of("ReceiveMessage")
    assert (urgent.parameters["WaitTimeSeconds"], others.parameters["WaitTimeSeconds"]) == (0, 1)
    assert others.parameters["VisibilityTimeout"] == 45
    for delivery in received:
        account.queue.delete(delivery)
    assert account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_a_queue_that_gives_nothing_says_so(account: Account, fault: Fault) -> None:
    account.calls.fail("ReceiveMessage", fault)
    with pytest.raises(QueueUnavailable):
        account.queue.receive(10, 45)


def direct_queue(
    account: Account, is_open: Callable[[], bool] = lambda: True, clock: FakeClock | None = None
) -> DirectQueue:
    return DirectQueue(account.resources["DirectTaskQueue"], is_open, clock or FakeClock())


class TestDirect:
    """Messages for workers that are up."""

    @pytest.fixture(params=["sqs", "memory"])
    def direct(self, request: pytest.FixtureRequest) -> Channel:
        if request.param == "memory":
            queue = MemoryQueue(FakeClock(), is_open=lambda: True)
            return Channel(queue, queue.receive)
        account: Account = request.getfixturevalue("account")
        opened = direct_queue(account)
        return Channel(replace(account.queue, direct=opened), lambda: received(account))

    def receive(self, channel: Channel) -> list[Delivery]:
        return channel.queue.receive_direct(10, 45, 1)

    def test_while_a_worker_takes_them_they_start_none(self, direct: Channel) -> None:
        direct.queue.send(TASK)
        direct.queue.send(replace(BEGUN, ref=new_task(number=1).ref))

        assert direct.receive() == []
        taken = sorted(self.receive(direct), key=lambda delivery: delivery.is_urgent)

        assert [(each.ref, each.is_urgent, each.is_direct) for each in taken] == [
            (TASK.ref, False, True),
            (new_task(number=1).ref, True, True),
        ]
        assert {each.project_id for each in taken} == {PROJECT}
        assert {each.correlation_id for each in taken} == {TASK.correlation_id}

    def test_what_is_delayed_starts_a_worker(self, direct: Channel) -> None:
        direct.queue.send(TASK, 1)

        assert self.receive(direct) == []

    def test_they_do_not_count_as_waiting(self, direct: Channel) -> None:
        direct.queue.send(TASK)

        assert direct.queue.waiting(is_urgent=False) == 0

    def test_they_are_invisible_shown_and_deleted_as_others_are(self, direct: Channel) -> None:
        direct.queue.send(TASK)
        (delivery,) = self.receive(direct)
        direct.queue.change_visibility([delivery], 0)
        (again,) = self.receive(direct)
        direct.queue.delete(again)

        assert (again.message_id, again.receive_count) == (delivery.message_id, 2)
        assert self.receive(direct) == []

    def test_one_that_is_put_back_starts_a_worker(self, direct: Channel) -> None:
        direct.queue.send(TASK)
        (delivery,) = self.receive(direct)

        direct.queue.put_back(delivery, 0)

        (again,) = direct.receive()
        assert (again.ref, again.receive_count, again.is_direct) == (TASK.ref, 1, False)
        assert self.receive(direct) == []

    def test_one_that_has_moved_comes_again_from_there(self, direct: Channel) -> None:
        direct.queue.send(TASK)
        (delivery,) = self.receive(direct)
        direct.queue.put_back(delivery, 0)
        (moved,) = direct.receive()

        direct.queue.put_back(moved, 0)

        (again,) = direct.receive()
        assert (again.message_id, again.receive_count) == (moved.message_id, 2)


def test_a_message_moves_before_it_is_deleted(account: Account) -> None:
    """A crash in between leaves both, and never none."""
    queue = replace(account.queue, direct=direct_queue(account))
    queue.send(TASK)
    (delivery,) = queue.receive_direct(10, 45, 1)
    account.calls.fail("DeleteMessage", Fault.NOT_SENT)

    with pytest.raises(QueueUnavailable):
        queue.put_back(delivery, 0)

    assert [each.ref for each in received(account)] == [TASK.ref]


def test_nobody_is_up_and_nothing_is_sent_directly(account: Account) -> None:
    queue = replace(account.queue, direct=direct_queue(account, lambda: False))
    queue.send(TASK)

    assert queue.receive_direct(10, 45, 1) == []
    assert [each.ref for each in received(account)] == [TASK.ref]


def test_one_that_was_long_on_its_way_starts_a_worker_too(account: Account) -> None:
    """The last worker may have left the list and stopped waiting meanwhile."""
    clock = FakeClock()

    def look_slowly() -> bool:
        clock.advance((SLOW_MS + 1) / 1000)
        return True

    queue = replace(account.queue, direct=direct_queue(account, look_slowly, clock))
    queue.send(TASK)

    assert [each.ref for each in queue.receive_direct(10, 45, 1)] == [TASK.ref]
    assert [each.ref for each in received(account)] == [TASK.ref]
