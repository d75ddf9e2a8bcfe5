"""Services of every function that may end a task, which frees slots and wakes waiting tasks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb.tasks.contexts import DynamoDBContexts
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBRecords
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers
from a2a_tasks.adapters.sqs.task_queue import SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class TaskWiring:
    """One instance of each service for the whole process. ``table`` is the tasks table."""

    dynamodb: "DynamoDBClient"
    table: str
    clock: SystemClock
    entropy: SystemEntropy
    telemetry: Telemetry
    store: DynamoDBTaskStore
    queue: SQSTaskQueue
    registry: DynamoDBRegistry
    slots: Slots
    holders: Holders
    contexts: DynamoDBContexts
    records: DynamoDBRecords
    texts: DynamoDBTexts
    finalizer: TaskFinalizer

    @classmethod
    def of_function(cls, telemetry: Telemetry) -> "TaskWiring":
        """From the function's environment. Raises ``Misconfigured``."""
        dynamodb, table = clients.dynamodb(), environment.text("TASKS_TABLE")
        clock, entropy = SystemClock(), SystemEntropy()
        kept_ms = environment.retention_ms() + LONGEST_LIFE_MS
        store = DynamoDBTaskStore(dynamodb, table, kept_ms, clock)
        urls = environment.text("TASK_QUEUE_URL"), environment.text("URGENT_TASK_QUEUE_URL")
        queue = SQSTaskQueue(clients.sqs(), *urls)
        registry = DynamoDBRegistry(dynamodb, environment.text("REGISTRY_TABLE"))
        holders = Holders(DynamoDBWorkers(dynamodb, table), clock)
        places = DynamoDBSlots(dynamodb, table)
        slots = Slots(places, store, queue, registry, holders, clock, entropy, telemetry)
        finalizer = TaskFinalizer(
            store, slots, holders, queue, clock, entropy, telemetry, environment.retention_ms()
        )
        return cls(
            dynamodb=dynamodb,
            table=table,
            clock=clock,
            entropy=entropy,
            telemetry=telemetry,
            store=store,
            queue=queue,
            registry=registry,
            slots=slots,
            holders=holders,
            contexts=DynamoDBContexts(dynamodb, table, kept_ms),
            records=DynamoDBRecords(dynamodb, table, kept_ms),
            texts=DynamoDBTexts(dynamodb, table, kept_ms),
            finalizer=finalizer,
        )
