"""Services of every function that may end a task, which frees slots and wakes waiting tasks."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb.takers import DynamoDBTakers
from a2a_tasks.adapters.dynamodb.tasks.contexts import DynamoDBContexts
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBRecords
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers
from a2a_tasks.adapters.sqs.task_queue import DirectQueue, SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.concurrency.pause_watch import PauseWatch
from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.concurrency.taker_watch import TakerWatch
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.queues import QueueLength, WorkerQueue
from a2a_tasks.ports.registry import AgentReader, PauseReader, ProjectReader
from a2a_tasks.ports.slots import SlotStore
from a2a_tasks.ports.tasks import ContextStore, RecordStore, TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workers.leases import Workers
from a2a_tasks.tasks.finalization import TaskFinalizer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class TaskQueue(WorkerQueue, QueueLength, Protocol):
    """The queues of tasks."""


class Registry(AgentReader, ProjectReader, PauseReader, Protocol):
    """Agents, projects and the operator's switch."""


@dataclass(frozen=True)
class TaskServices:
    """The ports of one process that all its services share, and the services made of these alone."""

    store: TaskStore
    queue: TaskQueue
    registry: Registry
    places: SlotStore
    workers: Workers
    contexts: ContextStore
    records: RecordStore
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    retention_ms: int

    @cached_property
    def holders(self) -> Holders:
        """Who holds running tasks: leases, read and broken."""
        return Holders(self.workers, self.clock)

    @cached_property
    def pause(self) -> PauseWatch:
        """The operator's switch. One for the process, so that it is read once in a while for all."""
        return PauseWatch(self.registry, self.clock, self.telemetry)

    @cached_property
    def slots(self) -> Slots:
        """Concurrency limits. One for the process, which keeps agents' limits for some seconds."""
        clock, entropy, telemetry = self.clock, self.entropy, self.telemetry
        ports = self.places, self.store, self.queue, self.registry
        return Slots(*ports, self.holders, clock, entropy, telemetry)

    @cached_property
    def finalizer(self) -> TaskFinalizer:
        """What ends tasks, and does what follows from an end."""
        clock, entropy, telemetry = self.clock, self.entropy, self.telemetry
        ports = self.store, self.slots, self.holders, self.queue
        return TaskFinalizer(*ports, clock, entropy, telemetry, self.retention_ms)


@dataclass(frozen=True)
class TaskWiring(TaskServices):
    """``TaskServices`` on AWS. ``table`` is the tasks table."""

    queue: SQSTaskQueue
    registry: DynamoDBRegistry
    dynamodb: "DynamoDBClient"
    table: str
    texts: DynamoDBTexts

    @classmethod
    def of_function(cls, telemetry: Telemetry) -> "TaskWiring":
        """From the function's environment. Raises ``Misconfigured``."""
        dynamodb, table = clients.dynamodb(), environment.text("TASKS_TABLE")
        clock, retention_ms = SystemClock(), environment.retention_ms()
        # counted from a task's creation: no item of it may end before the task can have ended and been kept
        kept_ms = retention_ms + LONGEST_LIFE_MS
        return cls(
            store=DynamoDBTaskStore(dynamodb, table, kept_ms, clock),
            queue=_queue(TakerWatch(DynamoDBTakers(dynamodb, table), clock, telemetry), clock),
            registry=DynamoDBRegistry(dynamodb, environment.text("REGISTRY_TABLE")),
            places=DynamoDBSlots(dynamodb, table),
            workers=DynamoDBWorkers(dynamodb, table),
            contexts=DynamoDBContexts(dynamodb, table, kept_ms),
            records=DynamoDBRecords(dynamodb, table, kept_ms),
            clock=clock,
            entropy=SystemEntropy(),
            telemetry=telemetry,
            retention_ms=retention_ms,
            dynamodb=dynamodb,
            table=table,
            texts=DynamoDBTexts(dynamodb, table, kept_ms),
        )


def _queue(takers: TakerWatch, clock: Clock) -> SQSTaskQueue:
    """Functions that repair what was lost do not send directly: they are not told where to."""
    url = environment.optional("DIRECT_TASK_QUEUE_URL")
    return SQSTaskQueue(
        clients.sqs(),
        environment.text("TASK_QUEUE_URL"),
        environment.text("URGENT_TASK_QUEUE_URL"),
        DirectQueue(url, takers.is_open, clock) if url else None,
    )
