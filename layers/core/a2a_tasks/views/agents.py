"""Agents, as the REST API shows them."""

from typing import Any

from a2a_tasks.domain.agents.agent import AgentRevision


def agent_view(agent: AgentRevision) -> dict[str, Any]:
    """``{"agentId", "name", "description"?, "model", "enabled"}``; the model as the definition names it."""
    view: dict[str, Any] = {"agentId": agent.agent_id, "name": agent.name}
    view |= {"description": agent.description} if agent.description else {}
    return view | {"model": agent.model, "enabled": agent.enabled}
