"""What an operator lets a project do."""

from dataclasses import dataclass, field
from decimal import Decimal

from a2a_tasks.domain.tools.catalog import McpServer


@dataclass(frozen=True)
class ProjectSettings:
    """A project's limits and what its agents may reach. Unset limits do not limit.

    ``daily_cost_usd`` and ``daily_tokens`` are for a UTC day, over all its tasks. ``callable_agents`` are the
    agents that others of the project may call as tools. ``webhook_secret_arn`` names the secret that signs
    its notifications; a project of an earlier release may have none.
    """

    project_id: str
    daily_cost_usd: Decimal | None = None
    daily_tokens: int | None = None
    callable_agents: frozenset[str] = frozenset()
    mcp_servers: tuple[McpServer, ...] = field(default=())
    webhook_secret_arn: str | None = None

    @property
    def has_budget(self) -> bool:
        return self.daily_cost_usd is not None or self.daily_tokens is not None
