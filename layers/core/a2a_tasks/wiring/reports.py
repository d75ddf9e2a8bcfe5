"""What is read of many tasks, or of all that happened to one: for the API and for operators."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from a2a_tasks.adapters.dynamodb.delivery_log import DynamoDBDeliveryLog
from a2a_tasks.adapters.dynamodb.push_configs import DynamoDBPushConfigs
from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBRecords
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.tasks.timeline import Timelines
from a2a_tasks.tasks.usage import UsageReports
from a2a_tasks.webhooks.delivery_status import DeliveryStatusReader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Reports:
    """Services that read and never write."""

    store: DynamoDBTaskStore
    usage: UsageReports
    timelines: Timelines
    deliveries: DeliveryStatusReader


def reports_of_tables(client: "DynamoDBClient", tasks_table: str, registry_table: str) -> Reports:
    """The reports on a deployment's two tables."""
    store = DynamoDBTaskStore(client, tasks_table)
    configs, log = DynamoDBPushConfigs(client, tasks_table), DynamoDBDeliveryLog(client, tasks_table)
    return Reports(
        store=store,
        usage=UsageReports(store, DynamoDBRegistry(client, registry_table)),
        # which only reads, so its time to live is never written
        timelines=Timelines(store, DynamoDBRecords(client, tasks_table, kept_ms=0)),
        deliveries=DeliveryStatusReader(configs, log, SystemClock()),
    )
