"""Delivering notifications: signed, tried until they are taken or their span is over, and never lost."""

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from a2a_tasks.a2a.push_body import NotificationBodies
from a2a_tasks.domain.task import Payload, Task
from a2a_tasks.domain.webhooks.delivery import DeliveryNote, DeliveryState
from a2a_tasks.domain.webhooks.push import Authentication, Notification, PushConfig, StoredPushConfig
from a2a_tasks.domain.webhooks.secret import WebhookSecret
from a2a_tasks.ports.errors import (
    PayloadUnavailable,
    QueueUnavailable,
    SealingUnavailable,
    SecretsUnavailable,
    StoreUnavailable,
)
from a2a_tasks.ports.webhooks import NotAnswered, ReceiverAnswer
from a2a_tasks.tasks.results import Results
from a2a_tasks.webhooks.delivery import Deliverer
from a2a_tasks.webhooks.delivery_status import DeliveryStatusReader
from a2a_tasks.webhooks.push_secrets import opened, sealed
from a2a_tasks.webhooks.receivers import MOST_KNOWN, NotDelivered, Receivers
from tests.integration.support.stored_task import completed, created
from tests.twins.clock import FakeClock
from tests.twins.deployment import inline
from tests.twins.entropy import SeededEntropy
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.stores.delivery_log import MemoryDeliveryLog
from tests.twins.stores.payloads import MemoryPayloads
from tests.twins.stores.push import MemoryPushConfigs, MemorySealing
from tests.twins.stores.tasks import MemoryTaskStore
from tests.twins.telemetry import MemoryTelemetry
from tests.twins.timed_queue import MemoryTimedQueue
from tests.twins.webhooks import MemoryReceivers, MemorySigningSecrets, Post

HOUR = 3_600
SPAN_HOURS = 24
URL, OTHER_URL = "https://example.com/hook/T0PSECRET?key=K3Y", "https://other.example.com/"
TOKEN, CREDENTIALS = "t0ken-of-the-receiver", "cr3dentials-of-the-receiver"
SIGNING = WebhookSecret.new(bytes(32), 0).rotated(bytes([1]) * 32, 0)


@dataclass
class Office:
    """The webhooks function on twins; each ``failpoints`` stands for one process of its own."""

    clock: FakeClock = field(default_factory=FakeClock)
    tasks: MemoryTaskStore = field(default_factory=MemoryTaskStore)
    payloads: MemoryPayloads = field(default_factory=MemoryPayloads)
    configs: MemoryPushConfigs = field(default_factory=MemoryPushConfigs)
    log: MemoryDeliveryLog = field(default_factory=MemoryDeliveryLog)
    sealing: MemorySealing = field(default_factory=MemorySealing)
    secrets: MemorySigningSecrets = field(default_factory=MemorySigningSecrets)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    entropy: SeededEntropy = field(default_factory=SeededEntropy)
    receivers: MemoryReceivers = field(init=False)
    queue: MemoryTimedQueue[Notification] = field(init=False)

    def __post_init__(self) -> None:
        self.receivers = MemoryReceivers(self.clock)
        self.queue = MemoryTimedQueue(self.clock, visibility_seconds=360)
        self.secrets.by_project["demo"] = SIGNING.live

    def deliverer(self, failpoints: Failpoints | None = None, process: Receivers | None = None) -> Deliverer:
        points = failpoints or Failpoints()
        payloads = points.wrap("payloads", self.payloads)
        return Deliverer(
            tasks=points.wrap("tasks", self.tasks),
            configs=points.wrap("configs", self.configs),
            log=points.wrap("log", self.log),
            opener=points.wrap("opener", self.sealing),
            secrets=points.wrap("secrets", self.secrets),
            bodies=NotificationBodies(Results(payloads, payloads)),
            client=points.wrap("client", self.receivers),
            receivers=process or Receivers(self.clock),
            queue=points.wrap("queue", self.queue),
            clock=self.clock,
            entropy=self.entropy,
            telemetry=self.telemetry,
            run=inline,
            span_ms=SPAN_HOURS * HOUR * 1_000,
        )

    def task(self, number: int = 0) -> Task:
        """One that is done."""
        now = self.clock.now()
        task = created(self.tasks, now, number=number)
        return completed(self.tasks, task, now, Payload(inline='{"result":"42"}'))

    def listen(self, task: Task, url: str = URL, config_id: str = "a", **fields: object) -> StoredPushConfig:
        config = PushConfig(url, TOKEN, Authentication("Bearer", CREDENTIALS))
        kept = sealed(self.sealing, task.ref.task_id, config_id, config)
        stored = StoredPushConfig(config_id, url, scheme="Bearer", sealed=kept)
        stored = replace(stored, **fields)  # type: ignore[arg-type]
        self.configs.put(task.ref.task_id, stored, 2**50)
        return stored

    def notify(self, task: Task, config_id: str = "a") -> Notification:
        notification = Notification(
            task.ref,
            task.project_id,
            config_id,
            task.status,
            task.updated_at,
            "request-1",
            f"msg_{config_id}_{task.ref.task_id}",
        )
        self.queue.put(notification)
        return notification

    def invoke(self, failpoints: Failpoints | None = None, process: Receivers | None = None) -> None:
        """One invocation with what is visible now, and what Lambda does after it. ``process`` is what one
        process knows that takes several; else each is a process of its own."""
        delivered = self.queue.receive()
        kept = self.clock.run(self.deliverer(failpoints, process).deliver(delivered))
        self.queue.settle(delivered, kept)

    def run(self) -> None:
        """Invocations as long as there are messages."""
        while (then := self.queue.next_visible_at()) is not None:
            self.clock.advance(max(0, then - self.clock.now()) / 1000)
            self.invoke()


@pytest.fixture
def office() -> Office:
    return Office()


def one(office: Office) -> Task:
    """A done task, its receiver, and the notification in the queue."""
    task = office.task()
    office.listen(task)
    office.notify(task)
    return task


def seconds_between(posts: list[Post]) -> list[float]:
    return [(then.at - before.at) / 1000 for before, then in itertools.pairwise(posts)]


def test_a_receiver_gets_the_task_signed_and_with_what_it_asked_for(office: Office) -> None:
    task = one(office)

    office.run()

    (post,) = office.receivers.posts
    assert post.url == URL
    assert f'"id":"{task.ref.task_id}"'.encode() in post.body
    moment = datetime.fromtimestamp(office.clock.now() // 1000, UTC)
    signatures = [
        Webhook(secret).sign(post.headers["webhook-id"], moment, post.body.decode())
        for secret in SIGNING.live
    ]
    assert post.headers == {
        "content-type": "application/a2a+json",
        "user-agent": "a2a-tasks",
        "webhook-id": f"msg_a_{task.ref.task_id}",
        "webhook-timestamp": str(office.clock.now() // 1000),
        "webhook-signature": " ".join(signatures),
        "x-a2a-notification-token": TOKEN,
        "authorization": f"Bearer {CREDENTIALS}",
    }
    assert (office.queue.messages, office.queue.dead) == ([], [])
    assert office.telemetry.counts["WebhooksDelivered"] == 1


def test_a_configuration_without_secrets_sends_none(office: Office) -> None:
    task = office.task()
    office.listen(task, scheme=None, sealed=None)
    office.notify(task)
    office.run()
    assert not {"authorization", "x-a2a-notification-token"} & office.receivers.posts[0].headers.keys()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_acknowledges(office: Office, status: int) -> None:
    one(office)
    office.receivers.script(URL, ReceiverAnswer(status))
    office.run()
    assert len(office.receivers.posts) == 1


@pytest.mark.parametrize(
    "failure",
    [
        ReceiverAnswer(301),
        ReceiverAnswer(400),
        ReceiverAnswer(401),
        ReceiverAnswer(404),
        ReceiverAnswer(500),
        ReceiverAnswer(503),
        NotAnswered("no connection"),
        NotAnswered("the host has an address that is not on the internet"),
    ],
    ids=str,
)
def test_everything_else_is_tried_again_under_the_same_id(
    office: Office, failure: ReceiverAnswer | NotAnswered
) -> None:
    one(office)
    office.receivers.script(URL, failure, failure, ReceiverAnswer(200))

    office.run()

    first, second, third = office.receivers.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == third.headers["webhook-id"]
    assert first.body == second.body == third.body
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    before, after = seconds_between(office.receivers.posts)
    assert 5 <= before <= 8
    assert 10 <= after <= 15
    assert office.telemetry.counts["WebhookRetries"] == 2
    assert office.telemetry.counts["WebhooksDelivered"] == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks(office: Office, status: int) -> None:
    one(office)
    office.receivers.script(URL, ReceiverAnswer(status, "600"), ReceiverAnswer(200))
    office.run()
    (wait,) = seconds_between(office.receivers.posts)
    assert 600 <= wait <= 603


def test_after_its_span_a_notification_is_given_up_and_not_before(office: Office) -> None:
    one(office)
    office.receivers.script(URL, ReceiverAnswer(503))
    began = office.clock.now()

    office.run()

    assert office.receivers.posts[-1].at - began == SPAN_HOURS * HOUR * 1_000
    assert max(seconds_between(office.receivers.posts)) <= 4.5 * HOUR
    ((delivery, reason),) = office.queue.dead
    assert (delivery.receive_count, reason) == (len(office.receivers.posts), "the receiver answered 503")
    assert office.telemetry.names() == ["notification given up"]
    assert office.telemetry.counts["WebhooksGivenUp"] == 1


def test_a_message_that_waited_longer_than_its_span_is_tried_once(office: Office) -> None:
    one(office)
    office.clock.advance(SPAN_HOURS * HOUR + 60)
    office.run()
    assert len(office.receivers.posts) == 1
    assert office.queue.dead == []


def test_a_receiver_that_wants_no_more_loses_its_configuration_alone(office: Office) -> None:
    task = one(office)
    office.listen(task, OTHER_URL, "b")
    office.notify(task, "b")
    office.receivers.script(URL, ReceiverAnswer(410))

    office.run()

    assert office.configs.ids(task.ref.task_id) == ["b"]
    assert len(office.receivers.posts) == 2
    assert office.queue.dead == []
    assert office.telemetry.counts["WebhooksUnsubscribed"] == 1


def test_a_configuration_that_was_replaced_meanwhile_was_not_meant(office: Office) -> None:
    task = one(office)

    async def replaced() -> ReceiverAnswer:
        office.listen(task, OTHER_URL)
        return ReceiverAnswer(410)

    office.receivers.script(URL, replaced)
    office.run()
    assert office.configs.ids(task.ref.task_id) == ["a"]


def test_one_that_is_replaced_right_before_its_deletion_stays(office: Office) -> None:
    task, points = one(office), Failpoints()
    points.before("configs.delete", lambda: office.listen(task, OTHER_URL))
    office.receivers.script(URL, ReceiverAnswer(410))
    office.invoke(points)
    assert [config.url for config in office.configs.all(task.ref.task_id)] == [OTHER_URL]


def test_what_is_gone_has_nobody_to_be_told(office: Office) -> None:
    without_config, without_task = one(office), office.task(1)
    office.listen(without_task)
    office.notify(without_task)
    office.configs.delete(without_config.ref.task_id, "a")
    office.tasks.delete(without_task.ref)

    office.run()

    assert (office.receivers.posts, office.queue.dead) == ([], [])


def test_what_is_no_notification_is_counted_and_dropped(office: Office) -> None:
    office.queue.put(None)
    office.run()
    assert office.telemetry.counts["MalformedMessages"] == 1
    assert office.telemetry.names() == ["malformed notification message"]


def test_a_slow_receiver_holds_up_no_other(office: Office) -> None:
    task = office.task()

    async def slow() -> ReceiverAnswer:
        await office.clock.sleep(10)
        raise NotAnswered("no answer within 10 s")

    for n in range(5):
        url = f"https://{n}.example.com/"
        office.listen(task, url, str(n))
        office.notify(task, str(n))
        if n != 3:
            office.receivers.script(url, slow)
    began = office.clock.now()

    office.invoke()

    assert office.clock.now() - began == 10_000
    assert {post.at for post in office.receivers.posts} == {began}
    assert sorted(m.content.config_id for m in office.queue.messages if m.content) == [*("0", "1", "2", "4")]


def test_a_project_without_a_secret_waits_for_one(office: Office) -> None:
    one(office)
    office.secrets.by_project.clear()
    office.invoke()
    assert office.receivers.posts == []
    assert "no signing secret" in str(office.telemetry.events[-1].fields["reason"])

    office.secrets.by_project["demo"] = SIGNING.live
    office.run()
    assert len(office.receivers.posts) == 1


def test_secrets_of_another_task_are_not_opened(office: Office) -> None:
    task, other = office.task(), office.task(1)
    office.configs.put(task.ref.task_id, office.listen(other), 2**50)
    office.notify(task)
    office.invoke()
    assert office.receivers.posts == []
    assert "cannot be decrypted" in str(office.telemetry.events[-1].fields["reason"])


@pytest.mark.parametrize(
    ("point", "error"),
    [
        ("configs.get", StoreUnavailable("down")),
        ("tasks.get", StoreUnavailable("down")),
        ("secrets.of_project", StoreUnavailable("down")),
        ("secrets.of_project", SecretsUnavailable("down")),
        ("opener.open", SealingUnavailable("down")),
        ("secrets.of_project", RuntimeError("a bug")),
        ("client.post", RuntimeError("a bug")),
    ],
    ids=str,
)
def test_whatever_fails_here_only_puts_the_notification_off(
    office: Office, point: str, error: Exception
) -> None:
    one(office)
    points = Failpoints()
    points.fail(point, error)
    office.invoke(points)
    assert office.telemetry.names() == ["notification not sent"]

    office.run()

    assert office.telemetry.counts["WebhooksDelivered"] == 1
    assert office.queue.dead == []


def test_one_that_fails_here_fails_alone(office: Office) -> None:
    for number in range(3):
        task = office.task(number)
        office.listen(task)
        office.notify(task)
    points = Failpoints()
    points.fail("tasks.get", RuntimeError("a bug"), call=2)
    office.invoke(points)
    assert office.telemetry.counts["WebhooksDelivered"] == 2
    assert len(office.queue.messages) == 1


def test_a_payload_store_that_does_not_answer_puts_it_off(office: Office) -> None:
    task = created(office.tasks, office.clock.now())
    office.payloads.put("tasks/x/output-1.json", b"{}")
    task = completed(office.tasks, task, office.clock.now(), Payload(key="tasks/x/output-1.json", sha256="x"))
    office.listen(task)
    office.notify(task)
    points = Failpoints()
    points.fail("payloads.get", PayloadUnavailable("down"))
    office.invoke(points)
    assert office.receivers.posts == []
    office.run()
    assert len(office.receivers.posts) == 1, "what is corrupt is left out, and the end is told"


@pytest.mark.parametrize("after", [False, True])
def test_a_message_that_could_not_be_put_off_comes_back_by_itself(office: Office, after: bool) -> None:
    one(office)
    office.receivers.script(URL, ReceiverAnswer(503), ReceiverAnswer(200))
    points = Failpoints()
    points.fail("queue.change_visibility", QueueUnavailable("lost"), after=after)
    office.invoke(points)
    office.run()
    (wait,) = seconds_between(office.receivers.posts)
    assert wait <= office.queue.visibility_seconds


@pytest.mark.parametrize("after", [False, True])
def test_a_message_that_could_not_be_dead_lettered_is_not_lost(office: Office, after: bool) -> None:
    one(office)
    office.receivers.script(URL, ReceiverAnswer(503))
    office.clock.advance(SPAN_HOURS * HOUR)
    points = Failpoints()
    points.fail("queue.dead_letter", QueueUnavailable("lost"), after=after)
    office.invoke(points)
    assert office.telemetry.names() == ["notification not rescheduled"]
    office.run()
    assert office.queue.dead
    assert {delivery.body for delivery, _ in office.queue.dead} == {office.queue.dead[0][0].body}


@pytest.mark.parametrize(
    "behaviours",
    [(ReceiverAnswer(200),), (ReceiverAnswer(503), ReceiverAnswer(200)), (ReceiverAnswer(410),)],
    ids=str,
)
@pytest.mark.parametrize("after", [False, True])
def test_a_process_may_die_at_any_call_and_the_receiver_is_told_all_the_same(
    behaviours: tuple[ReceiverAnswer, ...], after: bool
) -> None:
    crashed = 0
    for call in range(1, 20):
        office = Office()
        task = one(office)
        office.receivers.script(URL, *behaviours)
        points = Failpoints(crash_at=call, crash_after=after)
        try:
            office.invoke(points)
        except Crash:
            crashed += 1
        office.run()
        posts = office.receivers.posts
        assert posts, f"lost at call {call}"
        assert {post.headers["webhook-id"] for post in posts} == {f"msg_a_{task.ref.task_id}"}
        assert office.queue.messages == []
        assert office.queue.dead == []
        if not points.dead:
            break
    assert crashed >= 4


def test_what_is_told_names_no_address_and_no_secret(office: Office) -> None:
    one(office)
    office.receivers.script(
        URL, ReceiverAnswer(503), NotAnswered("no connection"), RuntimeError("a bug"), ReceiverAnswer(200)
    )
    office.run()
    lines = office.telemetry.events + office.telemetry.problems
    for secret in (TOKEN, CREDENTIALS, "T0PSECRET", "K3Y", *SIGNING.live):
        assert secret not in str(lines)
    assert {line.fields["correlation_id"] for line in lines} == {"request-1"}
    assert office.telemetry.events[-1].fields["host"] == "example.com"


def test_nothing_that_carries_secrets_shows_them(office: Office) -> None:
    task = one(office)
    notification = office.notify(task)
    deliverer = office.deliverer()
    found = deliverer._found(notification)
    assert found is not None
    request = deliverer._request(notification, *found)
    given = opened(office.sealing, task.ref.task_id, found[0])
    assert (given.token, given.credentials) == (TOKEN, CREDENTIALS)
    for secret in (TOKEN, CREDENTIALS, *SIGNING.live):
        assert secret not in repr((found, request, given, SIGNING))


def test_real_threads_and_a_real_loop_deliver_the_same(office: Office) -> None:
    one(office)
    office.receivers.clock = office.clock
    deliverer = replace(office.deliverer(), run=asyncio.to_thread)
    delivered = office.queue.receive()
    assert asyncio.run(deliverer.deliver(delivered)) == []
    assert len(office.receivers.posts) == 1


SILENT_SECONDS = 10.0


def silent(office: Office, *urls: str) -> None:
    """Receivers that hold the connection and answer nothing."""

    async def wait() -> ReceiverAnswer:
        await office.clock.sleep(SILENT_SECONDS)
        raise NotAnswered("no answer within 10 s")

    for url in urls:
        office.receivers.script(url, wait)


def test_many_notifications_to_a_silent_receiver_hold_one_invocation_once(office: Office) -> None:
    task, process = office.task(), Receivers(office.clock)
    silent(office, URL)
    for n in range(30):
        office.listen(task, config_id=str(n))
        office.notify(task, str(n))
    began = office.clock.now()

    for _ in range(3):
        office.invoke(process=process)

    assert len(office.receivers.posts) == 1, "the first shows how it is"
    assert office.clock.now() - began == SILENT_SECONDS * 1_000
    assert len(office.queue.messages) == 30, "none is lost"


def test_tries_of_a_silent_receiver_become_rare_whatever_waits_for_it(office: Office) -> None:
    task, process = office.task(), Receivers(office.clock)
    silent(office, URL)
    for n in range(40):
        office.listen(task, config_id=str(n))
        office.notify(task, str(n))
    began = office.clock.now()

    while (then := office.queue.next_visible_at()) is not None and then < began + 6 * HOUR * 1_000:
        office.clock.advance(max(0, then - office.clock.now()) / 1000)
        office.invoke(process=process)

    assert len(office.receivers.posts) <= 8 + 6 * 4, "eight until it is every 15 minutes"


def test_receivers_of_one_project_that_do_not_answer_hold_up_nobody_for_long(office: Office) -> None:
    """Also if each notification has a receiver of its own."""
    task, process = office.task(), Receivers(office.clock)
    urls = [f"https://{n}.example.com/" for n in range(100)]
    silent(office, *urls)
    for n, url in enumerate(urls):
        office.listen(task, url, str(n))
        office.notify(task, str(n))
    began = office.clock.now()

    for _ in range(10):
        office.invoke(process=process)

    assert office.clock.now() - began <= SILENT_SECONDS * 1_000
    assert len(office.receivers.posts) <= 10


def test_what_one_project_waits_for_is_nothing_to_another(office: Office) -> None:
    task, process = office.task(), Receivers(office.clock)
    silent(office, URL)
    office.listen(task)
    office.notify(task)
    office.invoke(process=process)
    other = process.of("other", "example.com")

    other.check()
    with pytest.raises(NotDelivered, match="did not answer lately"):
        process.of("demo", "example.com").check()


def test_a_receiver_that_comes_back_is_called_by_all_again(office: Office) -> None:
    task, process = office.task(), Receivers(office.clock)
    office.receivers.script(URL, ReceiverAnswer(503), ReceiverAnswer(200))
    for n in range(10):
        office.listen(task, config_id=str(n))
        office.notify(task, str(n))

    while (then := office.queue.next_visible_at()) is not None:
        office.clock.advance(max(0, then - office.clock.now()) / 1000)
        office.invoke(process=process)

    assert len(office.receivers.posts) == 11
    assert seconds_between(office.receivers.posts)[0] >= 5
    assert office.telemetry.counts["WebhooksDelivered"] == 10


def test_a_receiver_that_answers_is_called_by_many_at_a_time(office: Office) -> None:
    task = office.task()

    async def soon() -> ReceiverAnswer:
        await office.clock.sleep(1)
        return ReceiverAnswer(200)

    office.receivers.script(URL, soon)
    for n in range(10):
        office.listen(task, config_id=str(n))
        office.notify(task, str(n))
    began = office.clock.now()

    office.invoke()

    assert [(post.at - began) // 1_000 for post in office.receivers.posts] == [0] + [1] * 9


def test_a_slow_receiver_is_called_by_one_at_a_time(office: Office) -> None:
    task, process = office.task(), Receivers(office.clock)

    async def late() -> ReceiverAnswer:
        await office.clock.sleep(9)
        return ReceiverAnswer(200)

    office.receivers.script(URL, late)
    for n in range(10):
        office.listen(task, config_id=str(n))
        office.notify(task, str(n))

    began = office.clock.now()

    office.invoke(process=process)

    assert (len(office.receivers.posts), office.clock.now() - began) == (1, 9_000)
    while (then := office.queue.next_visible_at()) is not None:
        office.clock.advance(max(0, then - office.clock.now()) / 1000)
        office.invoke(process=process)
    assert office.telemetry.counts["WebhooksDelivered"] == 10
    assert min(seconds_between(office.receivers.posts)) >= 9


def test_what_is_waited_for_side_by_side_is_charged_once(office: Office) -> None:
    task, process = office.task(), Receivers(office.clock)
    office.receivers.script(URL, ReceiverAnswer(200))
    for n in range(20):
        office.listen(task, config_id=str(n))
        office.notify(task, str(n))
    office.invoke(process=process)
    silent(office, URL)
    office.invoke(process=process)

    assert len(office.receivers.posts) == 20, "it was known to answer"
    process.of("demo", "other.example.com").check()  # 10 of the 60 seconds are used up


def test_nobodys_address_is_flooded(office: Office) -> None:
    task, process = office.task(), Receivers(office.clock)
    for n in range(150):
        office.listen(task, config_id=str(n))
        office.notify(task, str(n))
    for _ in range(15):
        office.invoke(process=process)
    assert len(office.receivers.posts) == 100
    office.run()
    assert office.telemetry.counts["WebhooksDelivered"] == 150


def test_what_goes_wrong_here_is_not_the_receivers_fault(office: Office) -> None:
    process = Receivers(office.clock)
    one(office)
    office.secrets.by_project.clear()
    office.invoke(process=process)
    process.of("demo", "example.com").check()


def test_what_a_process_knows_has_an_end(office: Office) -> None:
    process = Receivers(office.clock)
    for n in range(MOST_KNOWN + 5):
        process.of(f"project-{n}", "example.com")
    assert len(process._receivers) <= MOST_KNOWN
    assert len(process._waiting) <= MOST_KNOWN


# ---------------------------------------------------------------- what becomes of them is noted


def noted(office: Office, task: Task) -> list[DeliveryNote]:
    return office.log.notes(task.ref.task_id, 10)


def test_a_delivery_is_noted(office: Office) -> None:
    task = one(office)
    office.receivers.script(URL, ReceiverAnswer(202))

    office.run()

    (note,) = noted(office, task)
    assert (note.state, note.tries, note.answer) == (DeliveryState.DELIVERED, 1, 202)
    assert (note.status, note.at) == (task.status, task.updated_at)


def test_tries_are_counted_until_it_is_taken(office: Office) -> None:
    task = one(office)
    office.receivers.script(URL, ReceiverAnswer(503, "60"), NotAnswered("no answer"), ReceiverAnswer(200))

    office.invoke()
    (first,) = noted(office, task)
    office.run()
    (last,) = noted(office, task)

    assert (first.state, first.answer, first.reason) == (
        DeliveryState.RETRYING,
        503,
        "the receiver answered 503",
    )
    assert first.next_try_at is not None
    assert first.next_try_at >= office.receivers.posts[0].at + 60_000
    assert (last.state, last.tries, last.answer, last.reason) == (DeliveryState.DELIVERED, 3, 200, None)
    assert last.next_try_at is None


def test_what_is_given_up_is_noted_with_its_last_answer(office: Office) -> None:
    task = one(office)
    office.receivers.script(URL, ReceiverAnswer(500))

    office.run()

    (note,) = noted(office, task)
    assert (note.state, note.answer, note.next_try_at) == (DeliveryState.GIVEN_UP, 500, None)
    assert note.tries == len(office.receivers.posts)


def test_a_receiver_that_wants_no_more_is_noted(office: Office) -> None:
    task = one(office)
    office.receivers.script(URL, ReceiverAnswer(410))

    office.run()

    (note,) = noted(office, task)
    assert (note.state, note.answer) == (DeliveryState.GIVEN_UP, 410)


def test_a_receiver_that_is_not_called_costs_no_note(office: Office) -> None:
    tasks = [office.task(n) for n in range(2)]
    for task in tasks:
        office.listen(task)
        office.notify(task)
    office.receivers.script(URL, ReceiverAnswer(503))

    office.invoke(process=Receivers(office.clock))

    assert [len(noted(office, task)) for task in tasks].count(1) == len(office.receivers.posts) == 1


def test_a_note_that_cannot_be_written_changes_nothing(office: Office) -> None:
    task = one(office)
    points = Failpoints()
    points.down("log", StoreUnavailable("throttled"))

    office.invoke(points)

    assert len(office.receivers.posts) == 1
    assert (office.queue.messages, office.queue.dead) == ([], [])
    assert noted(office, task) == []


def test_what_nobody_has_tried_is_pending(office: Office) -> None:
    task = office.task()
    office.listen(task, created_at=task.created_at)
    office.listen(task, OTHER_URL, "later", created_at=task.updated_at + 1)
    status = DeliveryStatusReader(office.configs, office.log, office.clock)
    task = replace(task, notifies=True)

    before = status.of(task)
    office.notify(task)
    office.run()
    after = status.of(task)

    assert [(note.config_id, note.status.value, note.state.value) for note in before] == [
        ("a", "running", "pending"),
        ("a", "completed", "pending"),
    ]
    assert {note.status.value: note.state.value for note in after} == {
        "running": "pending",
        "completed": "delivered",
    }
    assert status.of(replace(task, notifies=False)) == []
    office.clock.advance(15 * 24 * HOUR)
    assert [note.status.value for note in status.of(task)] == ["completed"]
