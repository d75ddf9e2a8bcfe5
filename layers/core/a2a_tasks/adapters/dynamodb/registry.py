"""Projects, agents and API keys on DynamoDB. Functions read; the operator's command writes."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import REFUSED, REFUSED_TRANSACTION, call, code_of
from a2a_tasks.adapters.dynamodb.registry_items import from_mcp_server, to_api_key, to_project, to_revision
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.access.rate import LIMIT_NAMES, KeyLimits
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.tools.catalog import McpServer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class AgentTaken(Exception):
    """The agent id belongs to another project; ids are unique in a deployment."""


class RevisionRaced(Exception):
    """The same agent was applied concurrently; applying again is safe."""


class UnknownProject(Exception):
    """There is no such project."""


class ProjectChange(TypedDict, total=False):
    """New values of a project's settings. None, or an empty set of agents, removes one; settings not named
    are unchanged."""

    daily_cost_usd: Decimal | None
    daily_tokens: int | None
    callable_agents: frozenset[str]
    webhook_secret_arn: str | None


_PROJECTS = "PROJECTS"
_ATTRIBUTES = {
    "daily_cost_usd": "dailyCostUsd",
    "daily_tokens": "dailyTokens",
    "callable_agents": "callableAgents",
    "webhook_secret_arn": "webhookSecretArn",
}


@dataclass(frozen=True)
class DynamoDBRegistry:
    """``KeyReader``, ``AgentReader`` and ``ProjectReader``, and the writes of the operator's command. All
    methods raise ``StoreUnavailable``."""

    client: "DynamoDBClient"
    table: str

    def key(self, key_id: str) -> ApiKey | None:
        item = self._get(f"KEY#{key_id}", "KEY", consistent=False)
        return to_api_key(key_id, item) if item else None

    def agent(self, agent_id: str) -> AgentRevision | None:
        item = self._get(f"AGENT#{agent_id}", "CURRENT")
        return to_revision(agent_id, item) if item else None

    def revision(self, agent_id: str, revision: int) -> AgentRevision | None:
        item = self._get(f"AGENT#{agent_id}", _revision_key(revision))
        return to_revision(agent_id, item) if item else None

    def project(self, project_id: str) -> ProjectSettings | None:
        item = self._get(f"PROJECT#{project_id}", "PROJECT")
        return to_project(project_id, item) if item else None

    def projects(self) -> list[ProjectSettings]:
        """All projects, sorted by id. A project of an earlier release is listed after ``create_project``
        was called for it."""
        listed = self._listed(_PROJECTS, "PROJECT#")
        found = [self.project(item["sk"].removeprefix("PROJECT#")) for item in listed]
        return sorted((project for project in found if project), key=lambda project: project.project_id)

    def create_project(self, project_id: str, now: int) -> bool:
        """Create a project, if it is new. True if it was. It is listed first; lists skip projects that do
        not exist."""
        listed = {"pk": _PROJECTS, "sk": f"PROJECT#{project_id}"}
        call(self.client.put_item, TableName=self.table, Item=to_attributes(listed))
        values = {"pk": f"PROJECT#{project_id}", "sk": "PROJECT", "createdAt": now}
        try:
            call(
                self.client.put_item,
                TableName=self.table,
                Item=to_attributes(values),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if code_of(error) == REFUSED:
                return False
            raise
        return True

    def set_project(self, project_id: str, **change: Unpack[ProjectChange]) -> ProjectSettings:
        """Change at least one setting and return all. Concurrent changes of different settings are both
        kept. Raises ``UnknownProject``."""
        given = {_ATTRIBUTES[name]: value for name, value in change.items()}
        values = {f":{name}": value for name, value in given.items() if value not in (None, frozenset())}
        to_set = ", ".join(f"{name} = :{name}" for name in given if f":{name}" in values)
        to_remove = ", ".join(name for name in given if f":{name}" not in values)
        update = (f"SET {to_set} " if to_set else "") + (f"REMOVE {to_remove}" if to_remove else "")
        return self._change_project(project_id, update, values=values)

    def put_mcp_server(self, project_id: str, server: McpServer) -> ProjectSettings:
        """Add a server, or replace the one with its name. Raises ``UnknownProject``."""
        # a nested attribute can only be set in a map that is there
        self._change_project(
            project_id, "SET mcpServers = if_not_exists(mcpServers, :none)", values={":none": {}}
        )
        return self._change_project(
            project_id,
            "SET mcpServers.#name = :server",
            names={"#name": server.name},
            values={":server": from_mcp_server(server)},
        )

    def remove_mcp_server(self, project_id: str, name: str) -> bool:
        """Remove a server. True if there was one. Idempotent."""
        project = self.project(project_id)
        if project is None or name not in {server.name for server in project.mcp_servers}:
            return False
        self._change_project(project_id, "REMOVE mcpServers.#name", names={"#name": name})
        return True

    def create_key(self, key: ApiKey) -> None:
        """Store a key and list it under its project, in one transaction."""
        stored = {
            "pk": f"KEY#{key.key_id}",
            "sk": "KEY",
            "projectId": key.project_id,
            "name": key.name,
            "secretSha256": key.secret_sha256,
            "createdAt": key.created_at,
            **key.limits.to_named(),
        } | ({} if key.expires_at is None else {"expiresAt": key.expires_at})
        listed = {"pk": f"PROJECT#{key.project_id}", "sk": f"KEY#{key.key_id}"}
        puts = [
            {"Put": {"TableName": self.table, "Item": to_attributes(values)}} for values in (stored, listed)
        ]
        call(self.client.transact_write_items, TransactItems=puts)

    def keys_of(self, project_id: str) -> list[ApiKey]:
        """A project's keys, including revoked and expired ones, oldest first."""
        found = [
            self.key(item["sk"].removeprefix("KEY#"))
            for item in self._listed(f"PROJECT#{project_id}", "KEY#")
        ]
        return sorted((key for key in found if key), key=lambda key: key.created_at)

    def revoke_key(self, key_id: str, now: int) -> ApiKey | None:
        """Revoke a key. Returns the key, or None if there is none. Idempotent."""
        return self._change_key(key_id, "SET revokedAt = if_not_exists(revokedAt, :now)", {":now": now})

    def limit_key(self, key_id: str, limits: KeyLimits, *, reset: bool = False) -> ApiKey | None:
        """Set a key's own limits, at least one. Limits not set are unchanged, or with ``reset`` become the
        deployment's. None if there is no such key."""
        given = limits.to_named()
        dropped = [name for name in LIMIT_NAMES if reset and name not in given]
        to_set = ", ".join(f"{name} = :{name}" for name in given)
        update = (f"SET {to_set} " if to_set else "") + (f"REMOVE {', '.join(dropped)}" if dropped else "")
        return self._change_key(key_id, update, {f":{name}": value for name, value in given.items()})

    def apply_agent(
        self, agent_id: str, project_id: str, definition: dict[str, Any], now: int
    ) -> AgentRevision:
        """Store a definition (camelCase, as ``AgentDefinition.to_stored``) as the agent's next revision.
        Revisions are immutable because tasks refer to them.

        Raises:
            AgentTaken: The id belongs to another project.
            RevisionRaced: The agent was applied concurrently.
        """
        current = self._get(f"AGENT#{agent_id}", "CURRENT")
        if current and current["projectId"] != project_id:
            raise AgentTaken(agent_id)
        seen = int(current["revision"]) if current else 0
        values = {
            "pk": f"AGENT#{agent_id}",
            "projectId": project_id,
            "revision": seen + 1,
            "enabled": definition["enabled"],
            "definition": json.dumps(definition, ensure_ascii=False),
            "updatedAt": now,
        }
        unchanged = (
            {
                "ConditionExpression": "revision = :seen AND projectId = :project",
                "ExpressionAttributeValues": to_attributes({":seen": seen, ":project": project_id}),
            }
            if current
            else {"ConditionExpression": "attribute_not_exists(pk)"}
        )
        listed = {"pk": f"PROJECT#{project_id}", "sk": f"AGENT#{agent_id}"}
        puts: list[dict[str, Any]] = [
            {"Item": to_attributes(values | {"sk": "CURRENT"})} | unchanged,
            {
                "Item": to_attributes(values | {"sk": _revision_key(seen + 1)}),
                "ConditionExpression": "attribute_not_exists(pk)",
            },
            {"Item": to_attributes(listed)},
        ]
        try:
            call(
                self.client.transact_write_items,
                TransactItems=[{"Put": put | {"TableName": self.table}} for put in puts],
            )
        except ClientError as error:
            if code_of(error) == REFUSED_TRANSACTION:
                raise RevisionRaced(agent_id) from None
            raise
        return to_revision(agent_id, values)

    def agents_of(self, project_id: str) -> list[AgentRevision]:
        """A project's agents, sorted by id."""
        found = [
            self.agent(item["sk"].removeprefix("AGENT#"))
            for item in self._listed(f"PROJECT#{project_id}", "AGENT#")
        ]
        return sorted((agent for agent in found if agent), key=lambda agent: agent.agent_id)

    def disable_agent(self, agent_id: str, now: int) -> AgentRevision | None:
        """Reject new tasks of an agent until it is applied again. None if there is no such agent."""
        try:
            answer = call(
                self.client.update_item,
                TableName=self.table,
                Key=to_attributes({"pk": f"AGENT#{agent_id}", "sk": "CURRENT"}),
                UpdateExpression="SET enabled = :no, updatedAt = :now",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=to_attributes({":no": False, ":now": now}),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if code_of(error) == REFUSED:
                return None
            raise
        return to_revision(agent_id, from_attributes(answer["Attributes"]))

    def _get(self, pk: str, sk: str, *, consistent: bool = True) -> dict[str, Any] | None:
        answer = call(
            self.client.get_item,
            TableName=self.table,
            Key=to_attributes({"pk": pk, "sk": sk}),
            ConsistentRead=consistent,
        )
        item = answer.get("Item")
        return from_attributes(item) if item else None

    def _change_key(self, key_id: str, update: str, values: dict[str, Any]) -> ApiKey | None:
        """The changed key, or None if there is none."""
        changed = self._change(f"KEY#{key_id}", "KEY", update, values=values)
        return to_api_key(key_id, changed) if changed else None

    def _change_project(
        self,
        project_id: str,
        update: str,
        *,
        names: dict[str, str] | None = None,
        values: dict[str, Any] | None = None,
    ) -> ProjectSettings:
        changed = self._change(f"PROJECT#{project_id}", "PROJECT", update, names=names, values=values)
        if changed is None:
            raise UnknownProject(project_id)
        return to_project(project_id, changed)

    def _change(
        self,
        pk: str,
        sk: str,
        update: str,
        *,
        names: dict[str, str] | None = None,
        values: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """The changed item. None if there is none; none is created."""
        placeholders: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        if values:
            placeholders["ExpressionAttributeValues"] = to_attributes(values)
        try:
            answer = call(
                self.client.update_item,
                TableName=self.table,
                Key=to_attributes({"pk": pk, "sk": sk}),
                UpdateExpression=update,
                ConditionExpression="attribute_exists(pk)",
                ReturnValues="ALL_NEW",
                **placeholders,
            )
        except ClientError as error:
            if code_of(error) == REFUSED:
                return None
            raise
        return from_attributes(answer["Attributes"])

    def _listed(self, partition: str, prefix: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=to_attributes({":pk": partition, ":prefix": prefix}),
            ConsistentRead=True,
        )
        return [from_attributes(item) for page in call(list, pages) for item in page["Items"]]


def _revision_key(revision: int) -> str:
    return f"REVISION#{revision:08d}"
