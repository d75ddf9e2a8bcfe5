"""Removes what a run has created: its tasks through the API and clean-up, the rest where a2actl stores it.

The project's own record goes last, and only when all else has gone: by it the next ``CLEAN=1`` finds what is
left of a run that was interrupted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.adapters.dynamodb.tasks.records import SPEND_SHARDS
from a2a_tasks.adapters.dynamodb.tasks.task_items import LIST_SHARDS, list_partition
from a2a_tasks.ports.errors import StoreUnavailable
from a2actl.terminal.fault import Fault
from tests.smoke.check import Failed
from tests.smoke.receiver import delete_receiver
from tests.smoke.target import Target
from tests.smoke.tenant import PREFIX, Tenant
from tests.smoke.time_limit import TimeLimit

EXPECTED = (
    Failed,
    Fault,
    TimeoutError,
    StoreUnavailable,
    httpx.HTTPError,
    httpx.InvalidURL,
    ClientError,
    BotoCoreError,
)
"""Errors of the deployment or the network."""
GONE_SECONDS = 150
"""A canceled task goes when the lease of the worker that may not have noticed is over."""
CLEAN_EVERY_SECONDS = 10


def projects(target: Target) -> list[str]:
    """The projects that runs have created and not removed."""
    found = target.deployment.registry.projects()
    return [project.project_id for project in found if project.project_id.startswith(PREFIX)]


@dataclass
class Removal:
    """Removes one run's project. ``problems`` says what could not be removed, and why."""

    target: Target
    project_id: str
    time_limit: TimeLimit
    problems: list[str] = field(default_factory=list)

    def run(self) -> list[str]:
        """Every step is tried, even if others fail."""
        task_ids: list[str] = []
        sessions: set[str] = set()
        self._try("its tasks", lambda: self._delete_tasks(task_ids, sessions))
        self._try("its receiver", self._delete_receiver)
        self._try("its WeCom connections", self._delete_connections)
        if not self.problems:
            self._try("its records", lambda: self._delete_records(task_ids, sessions))
        return self.problems

    def _try(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except EXPECTED as error:
            self.problems.append(f"{what}: {error}")

    def _delete_tasks(self, task_ids: list[str], sessions: set[str]) -> None:
        registry = self.target.deployment.registry
        if not registry.agents_of(self.project_id):
            return
        tenant = Tenant.make(self.target, self.project_id)
        for task in tenant.tasks():
            task_ids.append(task["taskId"])
            sessions.add(task["sessionId"])
        for session in sorted(sessions):
            answer = tenant.request("DELETE", f"{tenant.agent_path}/contexts/{session}")
            if answer.status_code != 200:
                raise Failed(f"the conversation {session} was not deleted: {answer.text[:200]}")
        if task_ids:
            self.time_limit.until(
                self._cleaned, GONE_SECONDS, "the clean-up of the run's tasks", every=CLEAN_EVERY_SECONDS
            )

    def _cleaned(self) -> bool:
        self.target.invoke("Cleanup")
        return not any(self._listed(list_partition(self.project_id, number)) for number in range(LIST_SHARDS))

    def _listed(self, partition: str) -> int:
        found = self.target.client("dynamodb").query(
            TableName=self.target.output("TasksTable"),
            IndexName="list",
            KeyConditionExpression="listShard = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
            Limit=1,
        )
        return len(found["Items"])

    def _delete_receiver(self) -> None:
        if not self.target.is_emulated:
            delete_receiver(self.target, self.project_id, self.time_limit)

    def _delete_connections(self) -> None:
        deployment = self.target.deployment
        for connection in deployment.connections.connections_of(self.project_id):
            deployment.connections.delete(connection)
            self._delete_secret(f"wecom/{connection.connection_id}")

    def _delete_secret(self, name: str) -> None:
        """Permanently."""
        client = self.target.client("secretsmanager")
        try:
            client.delete_secret(SecretId=f"{self.target.name}/{name}", ForceDeleteWithoutRecovery=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise

    def _delete_records(self, task_ids: list[str], sessions: set[str]) -> None:
        registry, tasks = self.target.output("RegistryTable"), self.target.output("TasksTable")
        keys = [key.key_id for key in self.target.deployment.registry.keys_of(self.project_id)]
        agents = [agent.agent_id for agent in self.target.deployment.registry.agents_of(self.project_id)]
        shards = ["", *(f"#{number}" for number in range(1, SPEND_SHARDS))]
        partitions = [(tasks, f"SPEND#{self.project_id}{shard}") for shard in shards]
        partitions += [(tasks, f"LIVE#{task_id}") for task_id in task_ids]
        partitions += [(tasks, f"RATE#{key_id}") for key_id in keys]
        for agent_id in agents:
            partitions += [(tasks, f"SLOTS#{agent_id}"), (registry, f"AGENT#{agent_id}")]
            partitions += [(tasks, f"SLOTS#{agent_id}#{session}") for session in sessions]
        partitions += [(registry, f"KEY#{key_id}") for key_id in keys]
        partitions.append((registry, f"PROJECT#{self.project_id}"))
        for table, partition in partitions:
            self._delete_all(table, self._keys(table, partition))
        listed = {"pk": {"S": "PROJECTS"}, "sk": {"S": f"PROJECT#{self.project_id}"}}
        self._delete_all(registry, iter([listed]))

    def _keys(self, table: str, partition: str) -> Iterator[dict[str, Any]]:
        pages = self.target.client("dynamodb").get_paginator("query")
        for page in pages.paginate(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
            ProjectionExpression="pk, sk",
            ConsistentRead=True,
        ):
            yield from page["Items"]

    def _delete_all(self, table: str, keys: Iterator[dict[str, Any]]) -> None:
        client = self.target.client("dynamodb")
        for key in keys:
            client.delete_item(TableName=table, Key=key)
