"""People who write to a bot, on a whole deployment on the twins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.exchange import Exchange, end_of_exchange
from a2a_tasks.wecom.inbound.bot import Bot
from a2a_tasks.wecom.ports import FileUnavailable, SentFile
from a2a_tasks.wecom.protocol.bot_messages import (
    BotCallback,
    BotContent,
    BotMessage,
    BotOrigin,
    BotText,
    CardEvent,
    StreamRefresh,
)
from a2a_tasks.wecom.protocol.crypto import CallbackKey, DecryptedMessage
from a2a_tasks.wiring.wecom import ChatPorts, build_message_handlers
from tests.twins.deployment import Deployment
from tests.twins.faults.failpoints import Failpoints
from tests.twins.stores.chats import MemoryChats
from tests.twins.stores.exchanges import MemoryExchanges, MemoryFirstMessages
from tests.twins.stores.rates import MemoryRates

HELPER = Connection(
    "helper", "demo", ConnectionKind.BOT, "arn", 0, agent_id="writer", bot_id="aib1", names_speaker=False
)
KEY = CallbackKey("token", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY", "")
NO_SENDER: Any = None
"""Only applications ask for them."""


@dataclass
class Talk:
    """``connection`` is the bot's; each ``failpoints`` argument stands for one process of its own."""

    deployment: Deployment = field(default_factory=Deployment)
    connection: Connection = HELPER
    chats: MemoryChats = field(default_factory=MemoryChats)
    files: dict[str, bytes] = field(default_factory=dict)
    rates: MemoryRates = field(default_factory=MemoryRates)
    rate: Rate | None = None
    exchanges: MemoryExchanges = field(init=False)

    def __post_init__(self) -> None:
        self.exchanges = MemoryExchanges(self.deployment.live)

    def fetch(self, url: str, max_bytes: int, seconds: float) -> SentFile:  # noqa: ARG002
        """``FileFetcher`` of the files that there are."""
        if url not in self.files:
            raise FileUnavailable("there is none")
        return SentFile(self.files[url], "")

    def bot(self, failpoints: Failpoints | None = None) -> Bot:
        points, deployment = failpoints or Failpoints(), self.deployment
        ports = ChatPorts(
            exchanges=points.wrap("exchanges", self.exchanges),
            first_messages=points.wrap(
                "first_messages", MemoryFirstMessages(deployment.reservations, self.exchanges)
            ),
            chats=points.wrap("chats", self.chats),
            sealer=points.wrap("sealing", deployment.sealing),
            rates=points.wrap("rates", self.rates),
            spend=points.wrap("spend", deployment.spend),
            deliveries=deployment.chat_deliveries,
            files=self,
            media=NO_SENDER,
            departments=NO_SENDER,
        )
        submitter, links = deployment.submitter(points), deployment.payloads
        return build_message_handlers(deployment.services(points), submitter, links, ports, self.rate).bot

    def deliver(self, message: BotCallback, failpoints: Failpoints | None = None) -> dict[str, Any] | None:
        """One delivery of a callback: what is answered."""
        received = DecryptedMessage(message, KEY)
        return self.bot(failpoints).answer(self.connection, received, "request-1", lambda: 5.0)

    def say(
        self,
        content: str | BotContent,
        failpoints: Failpoints | None = None,
        *,
        message_id: str = "m1",
        user: str = "LiLei",
        chat: str | None = None,
        quote: BotContent | None = None,
    ) -> dict[str, Any]:
        """One delivery of a message: the stream that it is answered with."""
        said = BotText(content) if isinstance(content, str) else content
        origin = BotOrigin(message_id, "aib1", user, chat, f"https://wecom/{message_id}", None)
        reply = self.deliver(BotMessage(origin, said, quote), failpoints)
        assert reply is not None
        stream: dict[str, Any] = reply["stream"]
        return stream

    def refresh(self, stream_id: str, failpoints: Failpoints | None = None) -> dict[str, Any]:
        """The stream as it is now."""
        stream: dict[str, Any] = self.refreshed(stream_id, failpoints)["stream"]
        return stream

    def refreshed(self, stream_id: str, failpoints: Failpoints | None = None) -> dict[str, Any]:
        """The stream as it is now, with what is beside it."""
        origin = BotOrigin("refresh", "aib1", "LiLei", None, None, None)
        reply = self.deliver(StreamRefresh(origin, stream_id), failpoints)
        assert reply is not None
        return reply

    def press(
        self,
        card: Mapping[str, Any],
        button: str,
        failpoints: Failpoints | None = None,
        *,
        user: str = "LiLei",
        chat: str | None = None,
    ) -> dict[str, Any] | None:
        """One press on the button with that text: what is answered."""
        (key,) = [one["key"] for one in card["button_list"] if one["text"] == button]
        url = f"https://wecom/press/{user}"
        origin = BotOrigin(f"press-{user}-{button}", "aib1", user, chat, url, None)
        return self.deliver(CardEvent(origin, key, card["task_id"]), failpoints)

    def tell(self) -> None:
        """What the sender writes down first: what exchanges have come to."""
        for ref, exchange in list(self.exchanges.kept.items()):
            task = self.deployment.store.get(exchange.task)
            if task is not None and (end := end_of_exchange(exchange, task)):
                self.exchanges.end(ref, end)

    def work(self) -> None:
        """Everything that is to be done now, and telling of it."""
        self.deployment.work()
        self.tell()

    def kept(self) -> list[Exchange]:
        """All exchanges, by task and in their order."""
        return list(self.exchanges.kept.values())


def dying_everywhere(run: Callable[[Failpoints], object]) -> int:
    """How many calls of its ports something makes."""
    points = Failpoints()
    run(points)
    return points.calls.total()
