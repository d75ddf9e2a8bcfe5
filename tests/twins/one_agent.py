"""One agent with its slots and its queue on the twins, and tasks in any state."""

from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.concurrency.line_watch import LineWatch
from a2a_tasks.concurrency.slots import WATCH_EVERY_MS, Admission, Slots
from a2a_tasks.domain import ids
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.guards import Guard, guard_of_worker
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.task import LIVE, Outcome, Payload, Status, Task, TaskRef
from a2a_tasks.ports.slots import Scope
from a2a_tasks.ports.tasks import Claim, Refused, Written
from tests.twins.clock import FakeClock
from tests.twins.entropy import SeededEntropy
from tests.twins.faults.failpoints import NO_FAILPOINTS, Failpoints
from tests.twins.queue import MemoryQueue
from tests.twins.stores.registry import MemoryRegistry
from tests.twins.stores.slots import MemorySlots
from tests.twins.stores.tasks import MemoryTaskStore
from tests.twins.stores.workers import MemoryWorkers
from tests.twins.telemetry import MemoryTelemetry

AGENT = "writer"
SCOPE = Scope(AGENT)
LEASE_MS = 45_000
"""Long enough for interleaved processes."""
HOUR_MS = 3_600_000
TALK = Scope(AGENT, "talk")


class Dice:
    """``Entropy`` with a next fraction that a test sets."""

    def __init__(self) -> None:
        self.next = 0.99

    def bytes(self, count: int) -> bytes:
        return bytes(count)

    def fraction(self) -> float:
        return self.next


@dataclass
class OneAgent:
    """One agent on the twins; each ``failpoints`` argument stands for one process of its own."""

    limit: int | None = 2
    clock: FakeClock = field(default_factory=FakeClock)
    store: MemoryTaskStore = field(default_factory=MemoryTaskStore)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    slots: MemorySlots = field(default_factory=MemorySlots)
    workers: MemoryWorkers = field(default_factory=MemoryWorkers)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    dice: Dice = field(default_factory=Dice)
    queue: MemoryQueue = field(init=False)
    entropy: SeededEntropy = field(default_factory=SeededEntropy)
    admissions: dict[str, Admission] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(self.clock)
        self.allow(self.limit)

    def allow(self, limit: int | None) -> None:
        self.limit = limit
        self.registry.apply(
            AgentRevision(
                agent_id=AGENT,
                project_id="demo",
                revision=1,
                name="Writer",
                description="",
                system_prompt="",
                model="sonnet",
                max_turns=30,
                max_tokens=1_000,
                timeout_ms=300_000,
                max_concurrent_tasks=limit,
                enabled=True,
            )
        )

    def process(self, points: Failpoints | None = None) -> Slots:
        points = points or NO_FAILPOINTS
        return Slots(
            points.wrap("slots", self.slots),
            points.wrap("store", self.store),
            points.wrap("queue", self.queue),
            points.wrap("registry", self.registry),
            Holders(points.wrap("workers", self.workers), self.clock),
            self.clock,
            self.dice,
            self.telemetry,
        )

    def new(self, **changes: Any) -> Task:
        """A new task, later than the previous ones; not registered, and without a message."""
        self.clock.advance(0.001)
        now = self.clock.now()
        fields: dict[str, Any] = {
            "ref": TaskRef(AGENT, ids.task_id(now, self.entropy.bytes(10))),
            "project_id": "demo",
            "status": Status.PENDING,
            "created_at": now,
            "updated_at": now,
            "deadline": now + HOUR_MS,
            "input": Payload(inline="{}"),
            "agent_revision": 1,
            "model": "claude-test-1",
            "max_attempts": 1_000,
            "correlation_id": "request-1",
            "due_at": now + 30_000,
        }
        task = Task(**fields | changes)
        self.store.create(task)
        return task

    def enter(self, *tasks: Task) -> list[bool]:
        return [self.entered(self.process(), task) for task in tasks]

    def entered(self, slots: Slots, task: Task) -> bool:
        """Whether it has all its slots, with which ``claim`` then claims it."""
        admission = slots.enter(task)
        if admission is not None:
            self.admissions[id_of(task)] = admission
        return admission is not None

    def watch(self, points: Failpoints | None = None) -> None:
        """Check every line."""
        lines = LineWatch(self.process(points))
        for scope in {*self.slots.lines, *self.slots.watched}:
            lines.check(scope)

    def make_up(self) -> None:
        """Advance by a minute: check every line, and do what the sweeper does for each due task."""
        self.clock.advance(WATCH_EVERY_MS / 1000 + 1)
        self.watch()
        for task in list(self.store.tasks.values()):
            is_due = task.due_at is not None and task.due_at <= self.clock.now()
            if task.status is Status.PENDING and is_due and not self.process().is_waiting(task):
                self.queue.send(task)

    def run(self, *tasks: Task) -> None:
        """What a worker does with tasks that have entered: from the claim to the release of the slot."""
        for task in tasks:
            self.process().leave(self.complete(self.claim(task)), ended=True)

    def claim(self, task: Task) -> Task:
        """By a worker with a new lease, which is not renewed."""
        now, worker_id = self.clock.now(), f"worker of {id_of(task)}#{task.fence}"
        self.workers.open(Lease(worker_id, now + LEASE_MS))
        admission = self.admissions.get(id_of(task))
        slot = admission.slot if admission else self.store.tasks[task.ref].slot
        return written(self.store.claim(task.ref, Claim(str(now), now, worker_id, task.fence, slot=slot)))

    def complete(self, task: Task) -> Task:
        """Ended by the worker that holds the task."""
        return self._finish(task, Status.COMPLETED, guard_of_worker(task.fence))

    def cancel(self, task: Task) -> Task:
        """Ended by another process, whatever the task is doing."""
        return self._finish(task, Status.CANCELED, Guard(LIVE))

    def _finish(self, task: Task, status: Status, guard: Guard) -> Task:
        return written(self.store.finish(task.ref, outcome(status, self.clock.now()), guard))

    def holders(self, scope: Scope = SCOPE) -> set[str]:
        return self.slots.holders(scope)

    def line(self, scope: Scope = SCOPE) -> list[str]:
        return [waiter.task_id for waiter in self.slots.waiting(scope, 100_000)]

    def sent(self) -> list[str]:
        """The tasks for which messages were sent, in order."""
        return [message.ref.task_id for message in self.queue.messages if message.ref]


def outcome(status: Status, now: int, finish_id: str = "end") -> Outcome:
    return Outcome(status, now, finish_id, retain_until=2**60)


def written(result: Written | Refused) -> Task:
    assert isinstance(result, Written)
    return result.task


def id_of(task: Task) -> str:
    return task.ref.task_id
