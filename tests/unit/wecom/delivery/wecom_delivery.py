"""One answer on its way to a chat: the task's record, notifier, queue, sender, and WeCom's stream."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from a2a_tasks.domain.task import Payload, Task
from a2a_tasks.domain.webhooks.push import StatusChange
from a2a_tasks.tasks.results import Results
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2a_tasks.wecom.delivery.worker import REFRESH_MS, ChatDeliveryWorker
from a2a_tasks.wecom.exchange import DeliveryMeans, Exchange, ExchangeRef
from a2a_tasks.wecom.inbound.stream_refresh import StreamRefreshHandler
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import ChatDelivery, WeComRefused
from a2a_tasks.wecom.result_texts import ResultTexts
from tests.integration.support.stored_task import completed, created
from tests.twins.deployment import Deployment
from tests.twins.faults.failpoints import Failpoints
from tests.twins.stores.connections import MemoryConnections
from tests.twins.timed_queue import MemoryTimedQueue

BOT = Connection("helper", "demo", ConnectionKind.BOT, "arn", 0, agent_id="writer")
ANSWER = "It is 42."
URL = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=c"
WECOM_STREAM_SECONDS = 360
VISIBILITY_SECONDS = 540
LONGEST_MS = 10**8
NO_PUSHES: Any = None
"""No application is connected, so nothing is ever sent by one."""


@dataclass
class Person:
    """What WeCom shows: it asks for the stream while it is not finished, and takes the response URL once."""

    written_at: int
    is_asking: bool = True
    url_is_used: bool = False
    answers: list[DeliveryMeans] = field(default_factory=list)

    def see(self, frame: dict[str, Any]) -> None:
        stream = frame["stream"]
        if stream["content"] == ANSWER:
            assert stream["finish"]
            self.answers.append(DeliveryMeans.STREAM)
        self.is_asking = not stream["finish"]

    def respond(self, connection: Connection, response_url: str, message: dict[str, Any]) -> None:  # noqa: ARG002
        """``WeComApi.respond``."""
        assert response_url == URL
        if self.url_is_used:
            raise WeComRefused("response_url", 40058)
        assert message["markdown"]["content"] == ANSWER
        self.url_is_used = True
        self.answers.append(DeliveryMeans.URL)


@dataclass
class OneAnswer:
    """``late_seconds``: how long ago the message was written whose first delivery is kept now. Each
    ``failpoints`` argument stands for one process of its own."""

    late_seconds: int = 0
    deployment: Deployment = field(default_factory=Deployment)
    task: Task = field(init=False)
    person: Person = field(init=False)
    queue: MemoryTimedQueue[ChatDelivery] = field(init=False)

    def __post_init__(self) -> None:
        clock, sealing = self.deployment.clock, self.deployment.sealing
        now = clock.now()
        self.person = Person(now - self.late_seconds * 1000)
        self.queue = MemoryTimedQueue(clock, VISIBILITY_SECONDS)
        self.connections = MemoryConnections()
        self.connections.put(BOT, ConnectionSecrets())
        self.task = created(
            self.deployment.store,
            now,
            agent_id="writer",
            project_id="demo",
            live=True,
            notifies=True,
            deadline=now + LONGEST_MS,
        )
        asked = Exchange(self.ref, "writer", "demo", BOT.connection_id, "LiLei", None, Language.EN, now)
        sealed = sealing.seal(URL.encode(), asked.sealing_context)
        self.deployment.chats.put(replace(asked, sealed_url=sealed), 2**50)

    @property
    def ref(self) -> ExchangeRef:
        return ExchangeRef(self.task.ref.task_id)

    @property
    def exchange(self) -> Exchange:
        return self.deployment.chats.kept[self.ref]

    @property
    def has_ended(self) -> bool:
        return self.deployment.now_of(self.task).is_terminal

    @property
    def is_asked_for(self) -> bool:
        age_ms = self.deployment.clock.now() - self.person.written_at
        return self.person.is_asking and age_ms < WECOM_STREAM_SECONDS * 1000

    def end(self) -> None:
        """The worker completes the task. Nobody is told."""
        output = Payload(inline=json.dumps({"result": ANSWER}))
        completed(self.deployment.store, self.task, self.deployment.clock.now(), output)

    def notify(self) -> None:
        """The notifier sees the end, for the first time or once more."""
        change = StatusChange(self.deployment.now_of(self.task), self.task.status)
        assert self.deployment.notifier().notify([change]) is None
        for delivery in self.deployment.chat_deliveries.sent:
            self.queue.put(delivery)
        self.deployment.chat_deliveries.sent.clear()

    def hurry(self) -> None:
        """What is in the queue is seen as having been there for as long as the stream is left in peace."""
        for message in self.queue.messages:
            message.sent_at -= REFRESH_MS
            message.visible_at = self.deployment.clock.now()

    def send(self, failpoints: Failpoints | None = None) -> None:
        """The sender delivers what is visible in the queue."""
        delivered = self.queue.receive()
        with ThreadPoolExecutor(1) as threads:
            kept = self._worker(failpoints or Failpoints(), threads).run(delivered)
        self.queue.settle(delivered, kept)

    def refresh(self, failpoints: Failpoints | None = None) -> dict[str, Any]:
        """What WeCom is answered that asks for the stream."""
        points = failpoints or Failpoints()
        deployment = self.deployment
        store = points.wrap("store", deployment.store)
        exchanges = points.wrap("exchanges", deployment.chats)
        refreshes = StreamRefreshHandler(
            store,
            exchanges,
            deployment.finalizer(points),
            self._texts(),
            deployment.clock,
            deployment.telemetry,
        )
        return refreshes.frame(BOT, self.ref.stream_id)

    def _worker(self, points: Failpoints, threads: ThreadPoolExecutor) -> ChatDeliveryWorker:
        api: Any = points.wrap("person", self.person)
        return ChatDeliveryWorker(
            tasks=self.deployment.store,
            exchanges=points.wrap("exchanges", self.deployment.chats),
            connections=self.connections,
            opener=self.deployment.sealing,
            texts=self._texts(),
            api=api,
            sender=NO_PUSHES,
            queue=self.queue,
            clock=self.deployment.clock,
            entropy=self.deployment.entropy,
            telemetry=self.deployment.telemetry,
            threads=threads,
        )

    def _texts(self) -> ResultTexts:
        payloads = self.deployment.payloads
        return ResultTexts(self.deployment.store, Results(payloads, payloads), self.deployment.clock)
