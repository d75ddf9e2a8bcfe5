"""Converts items of the registry to objects."""

import json
from decimal import Decimal
from typing import Any

from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.access.rate import KeyLimits
from a2a_tasks.domain.agents.agent import AgentRevision, Visibility
from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.tools.catalog import McpServer, denied


def to_api_key(key_id: str, item: dict[str, Any]) -> ApiKey:
    return ApiKey(
        key_id=key_id,
        project_id=item["projectId"],
        name=item["name"],
        secret_sha256=item["secretSha256"],
        created_at=int(item["createdAt"]),
        expires_at=int(item["expiresAt"]) if "expiresAt" in item else None,
        revoked_at=int(item["revokedAt"]) if "revokedAt" in item else None,
        limits=KeyLimits.from_named(item),
    )


def to_revision(agent_id: str, item: dict[str, Any]) -> AgentRevision:
    definition = json.loads(item["definition"])
    budget = definition["taskBudget"] or {}
    cost = budget.get("maxCostUsd")
    fallbacks = definition["fallbacks"] or {}
    refusal = fallbacks.get("onRefusal")
    gate = definition["afterUntrusted"] or {}
    return AgentRevision(
        agent_id=agent_id,
        project_id=item["projectId"],
        revision=int(item["revision"]),
        name=definition["name"],
        description=definition["description"],
        system_prompt=definition["systemPrompt"],
        model=definition["model"],
        max_turns=definition["maxTurns"],
        max_tokens=definition["maxTokens"],
        timeout_ms=definition["timeoutMs"],
        queue_timeout_ms=definition["queueTimeoutMs"],
        enabled=item["enabled"],
        allowed_tools=tuple(definition["allowedTools"]),
        skills=tuple(definition["skills"]),
        tool_options=definition["toolOptions"],
        output_schema=definition["outputSchema"],
        effort=definition["effort"],
        max_attempts=definition["maxAttempts"],
        max_cost_usd=None if cost is None else Decimal(cost),
        max_task_tokens=budget.get("maxTokens"),
        max_concurrent_tasks=definition["maxConcurrentTasks"],
        max_pending_tasks=definition["maxPendingTasks"],
        visibility=Visibility(definition["visibility"]),
        notify=tuple(definition["notify"]),
        on_refusal=tuple(refusal) if isinstance(refusal, list) else refusal,
        on_overload=tuple(fallbacks.get("onOverload") or ()),
        updated_at=int(item["updatedAt"]),
        artifact_hosts=tuple(definition["artifactHosts"]),
        denied_after_untrusted=denied(definition["allowedTools"], gate.get("deny"), gate.get("allow")),
    )


def to_project(project_id: str, item: dict[str, Any]) -> ProjectSettings:
    """MCP servers by name."""
    servers = item.get("mcpServers", {})
    return ProjectSettings(
        project_id=project_id,
        daily_cost_usd=item.get("dailyCostUsd"),
        daily_tokens=int(item["dailyTokens"]) if "dailyTokens" in item else None,
        callable_agents=frozenset(item.get("callableAgents", ())),
        mcp_servers=tuple(
            McpServer(name, server["url"], server.get("secretArn"))
            for name, server in sorted(servers.items())
        ),
        webhook_secret=bytes(item["webhookSecret"]) if "webhookSecret" in item else None,
    )


def to_pause(item: dict[str, Any]) -> Pause:
    return Pause(int(item["since"]), item["reason"])


def from_mcp_server(server: McpServer) -> dict[str, str]:
    """Without its name."""
    return {"url": server.url} | ({} if server.secret_arn is None else {"secretArn": server.secret_arn})
