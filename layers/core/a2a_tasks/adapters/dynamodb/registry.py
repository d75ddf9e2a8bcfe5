"""Projects, agents and API keys on DynamoDB. Functions read; the operator's command writes."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from a2a_tasks.adapters.dynamodb.registry_items import (
    from_mcp_server,
    to_api_key,
    to_pause,
    to_project,
    to_revision,
)
from a2a_tasks.adapters.dynamodb.store import ALWAYS, Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate, when
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.access.rate import LIMIT_NAMES, KeyLimits
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.ports.errors import StoreUnavailable


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


_PROJECTS = "PROJECTS"
_AGENT = "AGENT#"
_PAUSE = {"pk": "QUEUE#TASKS", "sk": "PAUSE"}
_ATTRIBUTES = {
    "daily_cost_usd": "dailyCostUsd",
    "daily_tokens": "dailyTokens",
    "callable_agents": "callableAgents",
}


@dataclass(frozen=True)
class DynamoDBRegistry(Store):
    """``KeyReader``, ``AgentReader``, ``ProjectAgents``, ``ProjectReader`` and ``PauseReader``, and the
    writes of the operator's command. All methods raise ``StoreUnavailable``."""

    def key(self, key_id: str) -> ApiKey | None:
        # eventually consistent, at half the price: API Gateway caches the authorizer's response for longer
        # anyway
        item = self._get(_api_key(key_id), consistent=False)
        return to_api_key(key_id, item) if item else None

    def agent(self, agent_id: str) -> AgentRevision | None:
        item = self._get(_agent_key(agent_id))
        return to_revision(agent_id, item) if item else None

    def revision(self, agent_id: str, revision: int) -> AgentRevision | None:
        item = self._get(_agent_key(agent_id) | {"sk": _revision_key(revision)})
        return to_revision(agent_id, item) if item else None

    def project(self, project_id: str) -> ProjectSettings | None:
        item = self._get(_project_key(project_id))
        return to_project(project_id, item) if item else None

    def projects(self) -> list[ProjectSettings]:
        """All projects, sorted by id."""
        listed = self._items(_PROJECTS, "PROJECT#")
        found = [self.project(item["sk"].removeprefix("PROJECT#")) for item in listed]
        return sorted((project for project in found if project), key=lambda project: project.project_id)

    def create_project(self, project_id: str, now: int) -> bool:
        """Create a project, if it is new. True if it was. It is listed first; lists skip projects that do
        not exist."""
        # written first: a crash in between leaves an entry that lists skip, rather than a project missing
        # from lists
        self._put({"pk": _PROJECTS, "sk": f"PROJECT#{project_id}"})
        item = _project_key(project_id) | {"createdAt": now}
        return self._put(item, when("attribute_not_exists(pk)")).is_made

    def set_project(self, project_id: str, **change: Unpack[ProjectChange]) -> ProjectSettings:
        """Change at least one setting and return all. Concurrent changes of different settings are both
        kept. Raises ``UnknownProject``."""
        values = {
            _ATTRIBUTES[name]: None if value == frozenset() else value for name, value in change.items()
        }
        return self._change_project(project_id, ItemUpdate().set_or_remove(**values))

    def replace_webhook_secret(self, project_id: str, seen: bytes | None, sealed: bytes) -> bool:
        """Store an encrypted signing secret in the place of the one that was seen, or of none. False if there
        is another, or no such project. Idempotent."""
        update = ItemUpdate().set(webhookSecret=sealed).when("attribute_exists(pk)")
        if seen is None:
            # already as wanted: the response to an earlier attempt was lost
            as_seen = update.when("attribute_not_exists(webhookSecret)", "webhookSecret = :webhookSecret")
        else:
            as_seen = update.when("webhookSecret IN (:seen, :webhookSecret)", seen=seen)
        return self._update(_project_key(project_id), as_seen).is_made

    def put_mcp_server(self, project_id: str, server: McpServer) -> ProjectSettings:
        """Add a server, or replace the one with its name. Raises ``UnknownProject``."""
        # a nested attribute can only be set in an existing map
        servers = ItemUpdate().assign("mcpServers = if_not_exists(mcpServers, :none)", none={})
        self._change_project(project_id, servers)
        update = ItemUpdate(names={"server": server.name})
        update = update.assign("mcpServers.#server = :server", server=from_mcp_server(server))
        return self._change_project(project_id, update)

    def remove_mcp_server(self, project_id: str, name: str) -> bool:
        """Remove a server. True if there was one. Idempotent."""
        project = self.project(project_id)
        if project is None or name not in {server.name for server in project.mcp_servers}:
            return False
        # only if it was seen: a path into a missing map makes the expression invalid
        self._change_project(project_id, ItemUpdate(names={"server": name}).remove("mcpServers.#server"))
        return True

    def create_key(self, key: ApiKey) -> None:
        """Store a key and list it under its project, in one transaction."""
        # no condition: the id has 80 random bits
        stored = _api_key(key.key_id) | {
            "projectId": key.project_id,
            "name": key.name,
            "secretSha256": key.secret_sha256,
            "createdAt": key.created_at,
            "expiresAt": key.expires_at,
            **key.limits.to_named(),
        }
        listed = {"pk": f"PROJECT#{key.project_id}", "sk": f"KEY#{key.key_id}"}
        if not self._transact(("Put", stored, ALWAYS), ("Put", listed, ALWAYS)):
            raise StoreUnavailable("another write of the same key was under way")

    def keys_of(self, project_id: str) -> list[ApiKey]:
        """A project's keys, including revoked and expired ones, oldest first."""
        found = [
            self.key(item["sk"].removeprefix("KEY#")) for item in self._items(f"PROJECT#{project_id}", "KEY#")
        ]
        return sorted((key for key in found if key), key=lambda key: key.created_at)

    def revoke_key(self, key_id: str, now: int) -> ApiKey | None:
        """Revoke a key. Returns the key, or None if there is none. Idempotent."""
        # the first revocation counts
        return self._change_key(
            key_id, ItemUpdate().assign("revokedAt = if_not_exists(revokedAt, :now)", now=now)
        )

    def limit_key(self, key_id: str, limits: KeyLimits, *, reset: bool = False) -> ApiKey | None:
        """Set a key's own limits, at least one. Limits not set are unchanged, or with ``reset`` become the
        deployment's. None if there is no such key."""
        unset = dict.fromkeys(LIMIT_NAMES) if reset else {}
        return self._change_key(key_id, ItemUpdate().set_or_remove(**unset | limits.to_named()))

    def apply_agent(
        self, agent_id: str, project_id: str, definition: dict[str, Any], now: int
    ) -> AgentRevision:
        """Store a definition (camelCase, as ``AgentDefinition.to_stored``) as the agent's next revision.
        Revisions are immutable because tasks refer to them.

        Raises:
            AgentTaken: The id belongs to another project.
            RevisionRaced: The agent was applied concurrently.
        """
        current = self._get(_agent_key(agent_id))
        if current and current["projectId"] != project_id:
            raise AgentTaken(agent_id)
        seen = int(current["revision"]) if current else 0
        values = _agent_key(agent_id) | {
            "projectId": project_id,
            "revision": seen + 1,
            "enabled": definition["enabled"],
            "definition": json.dumps(definition, ensure_ascii=False),
            "updatedAt": now,
        }
        is_new = when("attribute_not_exists(pk)")
        # two concurrent commands must not store two definitions under one number
        as_seen = when("revision = :seen AND projectId = :project", seen=seen, project=project_id)
        is_written = self._transact(
            ("Put", values, as_seen if current else is_new),
            # never overwritten: tasks keep the revision that they began with
            ("Put", values | {"sk": _revision_key(seen + 1)}, is_new),
            ("Put", {"pk": f"PROJECT#{project_id}", "sk": f"AGENT#{agent_id}"}, ALWAYS),
        )
        if not is_written:
            raise RevisionRaced(agent_id)
        return to_revision(agent_id, values)

    def agent_ids(self, project_id: str) -> list[str]:
        listed = self._items(f"PROJECT#{project_id}", _AGENT, ProjectionExpression="sk")
        return [item["sk"].removeprefix(_AGENT) for item in listed]

    def agents_of(self, project_id: str) -> list[AgentRevision]:
        items = self._get_all(map(_agent_key, self.agent_ids(project_id)))
        agents = [to_revision(item["pk"].removeprefix(_AGENT), item) for item in items]
        return sorted(agents, key=lambda agent: agent.agent_id)

    def disable_agent(self, agent_id: str, now: int) -> AgentRevision | None:
        """Reject new tasks of an agent until it is applied again. None if there is no such agent."""
        changed = self._change(_agent_key(agent_id), ItemUpdate().set(enabled=False, updatedAt=now))
        return to_revision(agent_id, changed) if changed else None

    def pause(self) -> Pause | None:
        item = self._get(_PAUSE)
        return to_pause(item) if item else None

    def start_pause(self, pause: Pause) -> Pause:
        """Pause the deployment. Returns the pause in force: the first, if it was paused already."""
        item = _PAUSE | {"since": pause.since, "reason": pause.reason}
        # a pause in force keeps its time and reason
        written = self._put(item, when("attribute_not_exists(pk)"))
        return pause if written.is_made else to_pause(written.item)

    def end_pause(self) -> bool:
        """End the pause. True if there was one. Idempotent."""
        return self._delete(_PAUSE, when("attribute_exists(pk)")).is_made

    def _change_key(self, key_id: str, update: ItemUpdate) -> ApiKey | None:
        """The changed key, or None if there is none."""
        changed = self._change(_api_key(key_id), update)
        return to_api_key(key_id, changed) if changed else None

    def _change_project(self, project_id: str, update: ItemUpdate) -> ProjectSettings:
        changed = self._change(_project_key(project_id), update)
        if changed is None:
            raise UnknownProject(project_id)
        return to_project(project_id, changed)

    def _change(self, key: Item, update: ItemUpdate) -> Item | None:
        """The changed item. None if there is none; none is created."""
        is_made, item = self._update(key, update.when("attribute_exists(pk)"), "ALL_NEW")
        return item if is_made else None


def _api_key(key_id: str) -> Item:
    return {"pk": f"KEY#{key_id}", "sk": "KEY"}


def _agent_key(agent_id: str) -> Item:
    return {"pk": f"AGENT#{agent_id}", "sk": "CURRENT"}


def _project_key(project_id: str) -> Item:
    return {"pk": f"PROJECT#{project_id}", "sk": "PROJECT"}


def _revision_key(revision: int) -> str:
    return f"REVISION#{revision:08d}"
