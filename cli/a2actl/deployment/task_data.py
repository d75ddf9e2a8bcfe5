"""A deployment's data of tasks, read and written with the operator's own credentials."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb.store import Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.dynamodb.tasks.contexts import DynamoDBContexts
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBRecords
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.dynamodb.tasks.texts import DynamoDBTexts
from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers
from a2a_tasks.adapters.payloads.s3_payloads import S3Payloads
from a2a_tasks.adapters.payloads.task_payloads import TaskPayloads
from a2a_tasks.adapters.sqs.task_queue import SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.domain.ids import is_task_id
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.domain.task import TaskRef
from a2a_tasks.wiring.tasks import TaskServices
from a2actl.deployment.silent_telemetry import SilentTelemetry
from a2actl.terminal.fault import Fault

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from a2actl.deployment.deployment import Deployment

DAY_MS = 86_400_000
USUAL_DAYS = 30
"""The template's ``RetentionDays``."""


@dataclass(frozen=True)
class TaskData:
    """The stores of a deployment. Each shares one client."""

    deployment: "Deployment"

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self.deployment.account.dynamodb()

    @cached_property
    def table(self) -> str:
        return self.deployment.output("TasksTable")

    @cached_property
    def retention_ms(self) -> int:
        return int(self.deployment.parameters.get("RetentionDays") or USUAL_DAYS) * DAY_MS

    @cached_property
    def services(self) -> TaskServices:
        """For reading tasks, and for ending them as the API does."""
        kept_ms = self.retention_ms + LONGEST_LIFE_MS
        urls = (self.deployment.output("TaskQueueUrl"), self.deployment.output("UrgentTaskQueueUrl"))
        return TaskServices(
            store=DynamoDBTaskStore(self.dynamodb, self.table, kept_ms),
            queue=SQSTaskQueue(self.deployment.account.sqs(), *urls),
            registry=DynamoDBRegistry(self.dynamodb, self.deployment.output("RegistryTable")),
            places=DynamoDBSlots(self.dynamodb, self.table),
            workers=DynamoDBWorkers(self.dynamodb, self.table),
            contexts=DynamoDBContexts(self.dynamodb, self.table, kept_ms),
            records=DynamoDBRecords(self.dynamodb, self.table, kept_ms),
            clock=SystemClock(),
            entropy=SystemEntropy(),
            telemetry=SilentTelemetry(),
            retention_ms=self.retention_ms,
        )

    @cached_property
    def payloads(self) -> TaskPayloads:
        """Texts of tasks, wherever they are."""
        bucket = self.deployment.output("PayloadBucket")
        s3 = self.deployment.account.s3()
        texts = DynamoDBTexts(self.dynamodb, self.table, self.retention_ms + LONGEST_LIFE_MS)
        return TaskPayloads(texts, S3Payloads(lambda: s3, bucket))

    def find(self, task_id: str) -> TaskRef:
        """The task of this id, whichever agent has it. Raises ``Fault`` if there is none."""
        if not is_task_id(task_id):
            raise Fault(f"TASK: {task_id!r} is not a task id, such as 0197a4e0-6c00-7000-8000-000000000001.")
        found = self.found(task_id)
        if found is None:
            raise Fault(
                f"There is no task {task_id} in this deployment: it was deleted, is past its retention, or"
                " belongs to another deployment (check --stack and --region)."
            )
        return found

    def found(self, task_id: str) -> TaskRef | None:
        """The same; None if there is none."""
        return _Records(self.dynamodb, self.table).of(task_id)


class _Records(Store):
    """The records in the partition of a task's id."""

    def of(self, task_id: str) -> TaskRef | None:
        items = self._items(task_items.partition(task_id), task_items.TASK_PREFIX)
        return task_items.ref_of(items[0]) if items else None
