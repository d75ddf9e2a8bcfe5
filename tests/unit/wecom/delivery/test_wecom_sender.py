"""The sender dies wherever it can, and everybody still has each answer once, in order."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from a2a_tasks.domain.task import Payload, Status, Task
from a2a_tasks.ports.errors import QueueUnavailable, SealingUnavailable, SecretsUnavailable, StoreUnavailable
from a2a_tasks.tasks.results import Results
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2a_tasks.wecom.delivery.access_tokens import AccessTokens
from a2a_tasks.wecom.delivery.app_client import WeComApp
from a2a_tasks.wecom.delivery.sender import Sender
from a2a_tasks.wecom.delivery.worker import SPAN_MS, STALE_MS, ChatDeliveryWorker
from a2a_tasks.wecom.exchange import DeliveryClaim, DeliveryMeans, Exchange, ExchangeRef, ExchangeState
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import (
    ChatDelivery,
    IssuedToken,
    UnreachedRecipients,
    WeComRefused,
    WeComUnanswered,
)
from a2a_tasks.wecom.result_texts import ResultTexts
from tests.integration.support.stored_task import completed, created
from tests.twins.clock import FakeClock
from tests.twins.entropy import SeededEntropy
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.stores.connections import MemoryConnections
from tests.twins.stores.exchanges import MemoryExchanges
from tests.twins.stores.payloads import MemoryPayloads
from tests.twins.stores.push import MemorySealing
from tests.twins.stores.rates import MemoryRates
from tests.twins.stores.tasks import MemoryTaskStore
from tests.twins.telemetry import MemoryTelemetry
from tests.twins.timed_queue import MemoryTimedQueue
from tests.twins.wecom import MemoryAccessTokens, MemoryDeliveryProgress

URL = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=c"
LONG = "长" * 2_000
APP = Connection("app", "demo", ConnectionKind.APP, "arn:app", 0, corp_id="ww1", app_id="1")
BOT = Connection("bot", "demo", ConnectionKind.BOT, "arn:bot", 0)
GROUP = Connection("group", "demo", ConnectionKind.GROUP, "arn:group", 0, language=Language.EN)


@dataclass
class MemoryWeCom:
    """``WeComApi``, as WeCom keeps its promises: a repeated message of an application is dropped, and a
    response URL works once."""

    seen: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    url_is_used: bool = False

    def issue_token(self, connection: Connection, corp_secret: str) -> IssuedToken:  # noqa: ARG002
        return IssuedToken("token", 7_200)

    def send_message(
        self,
        connection: Connection,  # noqa: ARG002
        token: str,  # noqa: ARG002
        message: Mapping[str, Any],
    ) -> UnreachedRecipients:
        text = json.dumps(message)
        if text not in self.known:
            self.known.add(text)
            self.seen.append(message[message["msgtype"]]["content"])
        return UnreachedRecipients()

    def send_to_group(self, connection: Connection, key: str, message: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.seen.append(message[message["msgtype"]]["content"])

    def respond(self, connection: Connection, response_url: str, message: Mapping[str, Any]) -> None:  # noqa: ARG002
        assert response_url == URL
        if self.url_is_used:
            raise WeComRefused("response_url", 40058)
        self.url_is_used = True
        self.seen.append(message["markdown"]["content"])

    def upload(self, *_: Any) -> str:
        raise NotImplementedError

    download = departments = upload_to_group = upload


@dataclass
class World:
    """One answer that is to be brought to a chat; ``cleaned_up``: its task's payloads are no longer there."""

    connection: Connection
    text: str = "42"
    cleaned_up: bool = False
    clock: FakeClock = field(default_factory=FakeClock)
    wecom: MemoryWeCom = field(default_factory=MemoryWeCom)
    tasks: MemoryTaskStore = field(default_factory=MemoryTaskStore)
    exchanges: MemoryExchanges = field(default_factory=MemoryExchanges)
    connections: MemoryConnections = field(default_factory=MemoryConnections)
    parts: MemoryDeliveryProgress = field(default_factory=MemoryDeliveryProgress)
    tokens: MemoryAccessTokens = field(default_factory=MemoryAccessTokens)
    rates: MemoryRates = field(default_factory=MemoryRates)
    sealing: MemorySealing = field(default_factory=MemorySealing)
    entropy: SeededEntropy = field(default_factory=SeededEntropy)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    queue: MemoryTimedQueue[ChatDelivery] = field(init=False)
    task: Task = field(init=False)

    def __post_init__(self) -> None:
        self.queue = MemoryTimedQueue(self.clock, visibility_seconds=540)
        now = self.clock.now()
        secrets = ConnectionSecrets(corp_secret="s", webhook_key="k")
        self.connections.put(self.connection, secrets)
        said = Payload(inline=json.dumps({"message": "Hello"}))
        result = Payload(inline=json.dumps({"result": self.text}))
        if self.cleaned_up:
            said = result = Payload(key="tasks/of/long/ago.json", sha256="0" * 64)
        task = created(self.tasks, now, project_id="demo", deadline=now + 10**9, input=said)
        self.task = completed(self.tasks, task, now, result)
        delivery = ChatDelivery(self.task.ref, "demo", Status.COMPLETED, now, "request-1")
        if self.connection.kind is ConnectionKind.GROUP:
            self.queue.put(replace(delivery, group="group"))
            return
        exchange = Exchange(
            ref=self.ref,
            agent_id=self.task.ref.agent_id,
            project_id="demo",
            connection_id=self.connection.connection_id,
            user_id="LiLei",
            chat_id=None,
            language=Language.EN,
            started_at=now,
            state=ExchangeState.OPEN if self.connection.kind is ConnectionKind.BOT else ExchangeState.CLOSED,
        )
        sealed = self.sealing.seal(URL.encode(), exchange.sealing_context)
        self.exchanges.put(replace(exchange, sealed_url=sealed), now + 10**10)
        self.queue.put(replace(delivery, exchange_id=self.ref.exchange_id))

    @property
    def ref(self) -> ExchangeRef:
        return ExchangeRef(self.task.ref.task_id)

    @property
    def state(self) -> ExchangeState:
        return self.exchanges.kept[self.ref].state

    def process(self, failpoints: Failpoints | None = None) -> ChatDeliveryWorker:
        points = failpoints or Failpoints()
        api: Any = points.wrap("wecom", self.wecom)
        secrets = points.wrap("secrets", self.connections)
        tokens = AccessTokens(
            points.wrap("tokens", self.tokens), api, self.clock, self.entropy, self.clock.advance
        )
        payloads = MemoryPayloads()
        tasks = points.wrap("tasks", self.tasks)
        return ChatDeliveryWorker(
            tasks=tasks,
            exchanges=points.wrap("exchanges", self.exchanges),
            connections=self.connections,
            opener=points.wrap("sealing", self.sealing),
            texts=ResultTexts(tasks, Results(payloads, payloads), self.clock),
            api=api,
            sender=Sender(
                store=points.wrap("parts", self.parts),
                app=WeComApp(api, tokens, secrets),
                api=api,
                secrets=secrets,
                rates=points.wrap("rates", self.rates),
                clock=self.clock,
                entropy=self.entropy,
                pause=self.clock.advance,
            ),
            queue=points.wrap("queue", self.queue),
            clock=self.clock,
            entropy=self.entropy,
            telemetry=self.telemetry,
            threads=ThreadPoolExecutor(1),
        )

    def visit(self, failpoints: Failpoints | None = None) -> None:
        process = self.process(failpoints)
        try:
            delivered = self.queue.receive()
            self.queue.settle(delivered, process.run(delivered))
        finally:
            process.threads.shutdown()

    def go_on(self, visits: int = 30) -> None:
        """Processes that live, as long as there is something to do."""
        for _ in range(visits):
            at = self.queue.next_visible_at()
            if at is None:
                return
            self.clock.advance(max(0, at - self.clock.now()) / 1000)
            self.visit()

    def visit_thrice(self, points: Failpoints) -> None:
        """One process, as long as there is something to do."""
        for _ in range(3):
            if (at := self.queue.next_visible_at()) is not None:
                self.clock.advance(max(0, at - self.clock.now()) / 1000)
                self.visit(points)

    def dies_at(self, call: int, *, after: bool) -> bool:
        """Whether a process came so far; from then on it is dead, and the next ones live."""
        points = Failpoints(crash_at=call, crash_after=after)
        for _ in range(3):
            at = self.queue.next_visible_at()
            if at is None:
                return False
            self.clock.advance(max(0, at - self.clock.now()) / 1000)
            try:
                self.visit(points)
            except Crash:
                return True
        return False


def unmarked(seen: list[str]) -> list[str]:
    return [text.partition("\n\n(asked at ")[0] for text in seen]


MOST_CALLS = 40


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(1, MOST_CALLS))
@pytest.mark.parametrize("connection", [APP, BOT], ids=["app", "bot"])
@pytest.mark.parametrize("text", ["42", LONG], ids=["short", "long"])
def test_a_death_anywhere_takes_and_doubles_nothing(
    connection: Connection, text: str, call: int, *, after: bool
) -> None:
    calm = World(connection, text)
    calm.go_on()
    world = World(connection, text)
    world.dies_at(call, after=after)
    world.go_on()
    assert unmarked(world.wecom.seen) == unmarked(calm.wecom.seen)
    assert (world.state, world.queue.messages, world.queue.dead) == (ExchangeState.DELIVERED, [], [])


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(1, MOST_CALLS))
def test_a_group_sees_at_most_the_part_in_flight_twice(call: int, *, after: bool) -> None:
    calm = World(GROUP, LONG)
    calm.go_on()
    world = World(GROUP, LONG)
    world.dies_at(call, after=after)
    world.go_on()
    seen = world.wecom.seen
    once = [text for n, text in enumerate(seen) if n == 0 or seen[n - 1] != text]
    assert once == calm.wecom.seen
    assert len(seen) <= len(once) + 1
    assert (world.queue.messages, world.queue.dead) == ([], [])


def test_the_deaths_reach_every_call() -> None:
    """Else the tests above would prove less than they say."""
    for connection in (APP, BOT, GROUP):
        assert World(connection, LONG).dies_at(5, after=False)
        assert not World(connection, LONG).dies_at(MOST_CALLS, after=False)


FAULTS = {
    "tasks.get": StoreUnavailable("down"),
    "exchanges.get": StoreUnavailable("down"),
    "exchanges.end": StoreUnavailable("down"),
    "exchanges.claim": StoreUnavailable("down"),
    "exchanges.settle": StoreUnavailable("down"),
    "parts.hold": StoreUnavailable("down"),
    "parts.note": StoreUnavailable("down"),
    "parts.release": StoreUnavailable("down"),
    "tokens.get": StoreUnavailable("down"),
    "tokens.lock": StoreUnavailable("down"),
    "tokens.put": StoreUnavailable("down"),
    "rates.take": StoreUnavailable("down"),
    "secrets.secrets": SecretsUnavailable("down"),
    "sealing.open": SealingUnavailable("down"),
    "queue.change_visibility": QueueUnavailable("down"),
    "wecom.issue_token": WeComUnanswered("gettoken", "no answer"),
    "wecom.send_message": WeComUnanswered("message/send", "no answer"),
    "wecom.respond": WeComUnanswered("response_url", "no answer"),
}


def calls_of_a_delivery(connection: Connection) -> list[tuple[Connection, str, int]]:
    """The first and the second call of each point that can fail, as far as they are made."""
    points = Failpoints()
    World(connection, LONG).visit_thrice(points)
    return [(connection, point, n) for point in FAULTS for n in (1, 2) if n <= points.calls[point]]


CALLS = calls_of_a_delivery(APP) + calls_of_a_delivery(BOT)


def test_each_point_that_can_fail_is_called() -> None:
    assert {point for _, point, _ in CALLS} == FAULTS.keys()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("connection", "point", "number"), CALLS, ids=[f"{each.kind}-{point}-{n}" for each, point, n in CALLS]
)
def test_an_outage_anywhere_takes_and_doubles_nothing(
    connection: Connection, point: str, number: int, *, after: bool
) -> None:
    calm = World(connection, LONG)
    calm.go_on()
    world = World(connection, LONG)
    points = Failpoints()
    points.fail(point, FAULTS[point], call=number, after=after)
    world.visit_thrice(points)
    assert points.calls[point] >= number
    world.go_on()
    assert unmarked(world.wecom.seen) == unmarked(calm.wecom.seen)
    assert (world.state, world.queue.messages, world.queue.dead) == (ExchangeState.DELIVERED, [], [])


def test_an_answer_that_the_stream_takes_meanwhile_is_not_sent_too() -> None:
    for moment, is_taken in (("exchanges.end", False), ("exchanges.claim", True), ("sealing.open", True)):
        world = World(BOT)
        points = Failpoints()
        claim = DeliveryClaim(DeliveryMeans.STREAM, "stream", world.clock.now())
        points.before(moment, lambda world=world, claim=claim: world.exchanges.claim(world.ref, claim))  # type: ignore[misc]
        for _ in range(3):
            world.clock.advance(30)
            world.visit(points)
        world.go_on()
        assert not points.interludes
        taken = world.exchanges.kept[world.ref].claim
        assert (taken is not None and taken.means is DeliveryMeans.STREAM) is is_taken
        assert len(world.wecom.seen) == (0 if is_taken else 1)
        assert world.state is ExchangeState.DELIVERED


def test_what_never_gets_through_is_given_up_with_its_reason() -> None:
    world = World(APP)
    points = Failpoints()
    points.down("wecom", WeComUnanswered("gettoken", "no connection"))
    ends_at = world.clock.now() + SPAN_MS
    while (at := world.queue.next_visible_at()) is not None:
        world.clock.advance(max(0, at - world.clock.now()) / 1000)
        world.visit(points)
    ((_, reason),) = world.queue.dead
    assert reason == "gettoken: no connection"
    assert ends_at <= world.clock.now() <= ends_at + 60_000


@pytest.mark.parametrize(("down", "waited_ms"), [(False, 0), (True, STALE_MS)])
def test_what_is_put_back_after_it_was_given_up_is_delivered(waited_ms: int, *, down: bool) -> None:
    """At once; or, where the store did not answer at the end, when the claim is stale."""
    world = World(APP)
    points = Failpoints()
    points.down("wecom.send_message", WeComRefused("message/send", 60020))
    if down:
        points.down("exchanges.leave", StoreUnavailable("down"))
    world.visit(points)
    ((letter, reason),) = world.queue.dead
    assert "60020" in reason or "IP" in reason
    assert (world.state, world.queue.messages) == (ExchangeState.CLAIMED, [])

    put_back = world.clock.now()
    world.queue.put(letter.content)
    world.visit()
    assert len(world.wecom.seen) == (0 if down else 1)
    world.go_on()
    assert (len(world.wecom.seen), world.state) == (1, ExchangeState.DELIVERED)
    assert waited_ms <= world.clock.now() - put_back <= waited_ms + 120_000


def test_two_messages_of_one_answer_are_one_answer() -> None:
    world = World(APP, LONG)
    world.queue.put(world.queue.messages[0].content)
    world.go_on()
    assert len(world.wecom.seen) == 3
    assert world.queue.messages == []


TOO_OLD = "This message is too old. Please ask again."


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        (APP, TOO_OLD),
        (BOT, TOO_OLD),
        (GROUP, f"**assistant: done**\n\n{TOO_OLD}"),
    ],
    ids=["app", "bot", "group"],
)
def test_of_what_was_cleaned_up_meanwhile_the_chat_is_told_that_it_is_gone(
    connection: Connection, told: str
) -> None:
    world = World(connection, cleaned_up=True)
    world.go_on()
    assert unmarked(world.wecom.seen) == [told]
    assert (world.queue.messages, world.queue.dead) == ([], [])
