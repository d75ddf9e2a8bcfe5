"""The contract of ``TimedQueue``: the same on SQS and in memory."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from a2a_tasks.adapters.sqs.notification_messages import delivery_of, notification_sender
from a2a_tasks.adapters.sqs.timed_queue import MAX_REASON, REASON, SQSTimedQueue
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.domain.webhooks.push import Notification
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import TimedDelivery
from tests.integration.support.account import PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.clock import FakeClock
from tests.twins.timed_queue import MemoryTimedQueue

NOTIFICATION = Notification(
    TaskRef("assistant", "0197a4e0-0000-7000-8000-000000000001"),
    PROJECT,
    "a",
    Status.COMPLETED,
    1_750_000_000_000,
    "request-1",
    "msg_1",
)


@dataclass(frozen=True)
class Channel:
    """A queue with the means to put into it, to receive from it, and to see its dead letters."""

    queue: SQSTimedQueue | MemoryTimedQueue[Notification]
    put: Callable[[Notification], object]
    receive: Callable[[], list[TimedDelivery[Notification]]]
    dead_letters: Callable[[], list[tuple[TimedDelivery[Notification], str]]]


@pytest.fixture(params=["sqs", "memory"])
def channel(request: pytest.FixtureRequest) -> Channel:
    if request.param == "memory":
        queue = MemoryTimedQueue[Notification](FakeClock(), visibility_seconds=360)
        return Channel(queue, queue.put, queue.receive, lambda: queue.dead)
    return on_sqs(request.getfixturevalue("account"))


def on_sqs(account: Account) -> Channel:
    url, dead_url = (account.resources[name] for name in ("NotificationQueue", "NotificationDeadLetterQueue"))

    def dead_letters() -> list[tuple[TimedDelivery[Notification], str]]:
        records = account.receive("NotificationDeadLetterQueue")
        return [(delivery_of(r), r["messageAttributes"][REASON]["stringValue"]) for r in records]

    return Channel(
        SQSTimedQueue(account.sqs, url, dead_url),
        lambda notification: notification_sender(account.sqs, url).send([notification]),
        lambda: [delivery_of(record) for record in account.receive("NotificationQueue")],
        dead_letters,
    )


def test_a_message_is_a_notification(channel: Channel) -> None:
    channel.put(NOTIFICATION)
    (delivery,) = channel.receive()
    assert (delivery.content, delivery.group_id) == (NOTIFICATION, PROJECT)
    assert delivery.receive_count == 1
    assert delivery.sent_at > NOTIFICATION.at


def test_a_invisible_message_comes_back_with_all_that_it_had(channel: Channel) -> None:
    channel.put(NOTIFICATION)
    (first,) = channel.receive()
    assert channel.receive() == []

    channel.queue.change_visibility(first, 27_000)
    assert channel.receive() == []
    channel.queue.change_visibility(first, 0)

    (second,) = channel.receive()
    assert (second.message_id, second.sent_at, second.body) == (first.message_id, first.sent_at, first.body)
    assert second.receive_count == 2


def test_a_dead_lettered_message_is_the_same_with_the_reason(channel: Channel) -> None:
    channel.put(NOTIFICATION)
    (delivery,) = channel.receive()

    channel.queue.dead_letter(delivery, "the receiver answered 503")

    ((dead, reason),) = channel.dead_letters()
    assert (dead.body, dead.group_id, dead.content) == (delivery.body, PROJECT, NOTIFICATION)
    assert reason == "the receiver answered 503"


def test_longer_than_the_queue_can_is_refused(channel: Channel) -> None:
    channel.put(NOTIFICATION)
    (delivery,) = channel.receive()
    with pytest.raises(QueueUnavailable):
        channel.queue.change_visibility(delivery, 43_201)


@pytest.mark.parametrize("body", ["", "garbage", "[]", "{}", '{"agentId": "a", "status": "none"}', "null"])
def test_what_is_no_notification_is_delivered_as_such(account: Account, body: str) -> None:
    url = account.resources["NotificationQueue"]
    account.sqs.send_message(QueueUrl=url, MessageBody=body or " ")
    ((delivery),) = [delivery_of(record) for record in account.receive("NotificationQueue")]
    assert (delivery.content, delivery.group_id) == (None, None)
    channel = on_sqs(account)
    channel.queue.dead_letter(delivery, "x" * 1_000)
    ((dead, reason),) = channel.dead_letters()
    assert (dead.body, reason) == (delivery.body, "x" * MAX_REASON)


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_an_outage_is_told(account: Account, fault: Fault) -> None:
    channel = on_sqs(account)
    channel.put(NOTIFICATION)
    (delivery,) = channel.receive()
    account.calls.fail("ChangeMessageVisibility", fault)
    with pytest.raises(QueueUnavailable):
        channel.queue.change_visibility(delivery, 5)
    account.calls.fail("SendMessage", fault)
    with pytest.raises(QueueUnavailable):
        channel.queue.dead_letter(delivery, "a reason")
    assert len(channel.dead_letters()) == (1 if fault is Fault.ANSWER_LOST else 0)
