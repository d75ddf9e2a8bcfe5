"""The prompts of agents: made once for a task, with what its model can do where Claude is reached."""

from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.abilities import thinking_of
from a2a_tasks.domain.agent import AgentRevision
from a2a_tasks.domain.backend import HAS_CONTEXT_MANAGEMENT, Backend
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.service_tools import DEFINITIONS
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tool_definitions import UnknownMcpServer, definitions, servers_of
from a2a_tasks.domain.workspace_tools import DEFINITIONS as WORKSPACE_DEFINITIONS
from a2a_tasks.ports.model import ModelRejected, Prompt
from a2a_tasks.services.allowance import Allowance

OWN_TOOLS: dict[str, dict[str, Any]] = WORKSPACE_DEFINITIONS | DEFINITIONS


@dataclass(frozen=True)
class Prompts:
    """``allowance`` has the projects' settings and prices."""

    allowance: Allowance
    backend: Backend

    def of(self, task: Task, agent: AgentRevision) -> Prompt:
        """The prompt of a new task. Raises ``StoreUnavailable``, and ``ModelRejected`` where the agent is
        allowed tools of an MCP server that its project does not have."""
        needed = servers_of(agent.allowed_tools)
        settings = self.allowance.budgets.settings(
            agent.project_id, lambda kept: needed <= {server.name for server in kept.mcp_servers}
        )
        servers = {server.name: server for server in settings.mcp_servers}
        try:
            tools, used_servers = definitions(agent, servers, OWN_TOOLS)
        except UnknownMcpServer as error:
            raise ModelRejected(FailureCode.AGENT_MISCONFIGURED, str(error)) from None
        thinking = thinking_of(task.model, self.backend)
        return Prompt(
            model=task.model,
            system=agent.system_prompt,
            tools=self.allowance.bounded(tools, task),
            mcp_servers=used_servers,
            output_schema=agent.output_schema,
            effort=agent.effort,
            manages_context=self.backend in HAS_CONTEXT_MANAGEMENT and bool(tools),
            thinking=thinking.settings,
            betas=thinking.betas,
        )
