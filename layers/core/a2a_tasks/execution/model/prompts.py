"""Prompts of agents: built once for each task, with the features that its model has at the backend."""

from dataclasses import dataclass, replace
from typing import Any

from a2a_tasks.access.cost_limits import CostLimits
from a2a_tasks.domain.agents.agent import AgentRevision, resolve_model
from a2a_tasks.domain.agents.backend import HAS_CONTEXT_MANAGEMENT, Backend
from a2a_tasks.domain.agents.model_capabilities import FALLBACK_BETA, ModelCapability, has, thinking_of
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.overload.fallback import models_behind
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.domain.tools.definitions import UnknownMcpServer, definitions, resolved, servers_of
from a2a_tasks.domain.tools.service import DEFINITIONS
from a2a_tasks.domain.tools.workspace import DEFINITIONS as WORKSPACE_DEFINITIONS
from a2a_tasks.ports.model import ModelRejected, Prompt

OWN_TOOLS: dict[str, dict[str, Any]] = WORKSPACE_DEFINITIONS | DEFINITIONS


@dataclass(frozen=True)
class Prompts:
    """Builds prompts."""

    cost_limits: CostLimits
    backend: Backend
    aliases: dict[str, str]
    """Model ids by alias."""

    def of(self, task: Task, agent: AgentRevision) -> Prompt:
        """The prompt of a new task."""
        tools, servers = definitions(agent, OWN_TOOLS)
        prompt = Prompt(
            model=task.model,
            system=agent.system_prompt,
            tools=self.cost_limits.bounded(tools, task),
            mcp_servers=servers,
            output_schema=agent.output_schema,
            effort=agent.effort,
            manages_context=self.backend in HAS_CONTEXT_MANAGEMENT and bool(tools),
        )
        return self.for_model(prompt, task.model, agent)

    def servers(self, prompt: Prompt, agent: AgentRevision) -> list[McpServer]:
        """MCP servers for the next turn, with their current registration.

        Raises:
            StoreUnavailable: The registry could not be read.
            ModelRejected: A server is no longer the project's, or the agent may not use it.
        """
        needed, allowed = set(prompt.mcp_servers), servers_of(agent.allowed_tools)
        # read for each turn and never stored with the task: anyone who can write tasks could change a stored
        # address, and the worker would send the project's token there (docs/decisions/agents.md)
        settings = self.cost_limits.budgets.settings(
            agent.project_id, lambda kept: needed <= {server.name for server in kept.mcp_servers}
        )
        usable = [server for server in settings.mcp_servers if server.name in allowed]
        try:
            return resolved(prompt.mcp_servers, usable)
        except UnknownMcpServer as error:
            raise ModelRejected(FailureCode.AGENT_MISCONFIGURED, str(error)) from None

    def for_model(self, prompt: Prompt, model: str, agent: AgentRevision) -> Prompt:
        """The same prompt with the features of another model."""
        thinking, fallbacks = thinking_of(model, self.backend), self._fallbacks(model, agent)
        # the conversation may contain blocks of an earlier fallback, which need its beta header
        has_fallbacks = fallbacks is not None or FALLBACK_BETA in prompt.betas
        betas = thinking.betas + ([FALLBACK_BETA] if has_fallbacks else [])
        return replace(prompt, model=model, thinking=thinking.settings, betas=betas, fallbacks=fallbacks)

    def others(self, task: Task, agent: AgentRevision, prompt: Prompt | None) -> list[str]:
        """Models that the task may fall back to, in order. Once it has had a turn with ``prompt``, only
        models that drop mismatched thinking instead of rejecting it. Raises ``StoreUnavailable``."""
        listed = [resolve_model(model, self.aliases) for model in agent.on_overload]
        return [
            model
            for model in models_behind(task.model, listed)
            if self.cost_limits.has_price(task, model)
            and (prompt is None or (prompt.drops_thinking and self._drops_thinking(model)))
        ]

    def _drops_thinking(self, model: str) -> bool:
        return has(ModelCapability.DROPS_THINKING, model, self.backend)

    def _fallbacks(self, model: str, agent: AgentRevision) -> str | list[dict[str, str]] | None:
        if agent.on_refusal is None or not has(ModelCapability.FALLBACKS, model, self.backend):
            return None
        if agent.on_refusal == "default":
            return "default"
        others = dict.fromkeys(resolve_model(other, self.aliases) for other in agent.on_refusal)
        return [{"model": other} for other in others if other != model] or None
