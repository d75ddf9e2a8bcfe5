"""Receivers of notifications, and the secrets for signatures, in memory."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.webhooks import ReceiverAnswer

type Behaviour = ReceiverAnswer | Exception | Callable[[], Awaitable[ReceiverAnswer]]


@dataclass(frozen=True)
class Post:
    """A request that a receiver got."""

    url: str
    headers: dict[str, str]
    body: bytes
    at: int


@dataclass
class MemoryReceivers:
    """``WebhookClient``: each request gets the next behaviour of its address, and the last one repeatedly;
    without any, 200."""

    clock: Clock
    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)

    def script(self, url: str, *behaviours: Behaviour) -> None:
        self.behaviours[url] = list(behaviours)

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> ReceiverAnswer:
        self.posts.append(Post(url, {name.lower(): value for name, value in headers}, body, self.clock.now()))
        script = self.behaviours.get(url, [ReceiverAnswer(200)])
        behaviour = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(behaviour, Exception):
            raise behaviour
        return behaviour if isinstance(behaviour, ReceiverAnswer) else await behaviour()


@dataclass
class MemorySigningSecrets:
    """``SigningSecrets``."""

    by_project: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of_project(self, project_id: str) -> tuple[str, ...]:
        return self.by_project.get(project_id, ())
