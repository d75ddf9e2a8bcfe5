"""Settings of a project."""

from dataclasses import dataclass, field
from decimal import Decimal

from a2a_tasks.domain.tools.catalog import McpServer


@dataclass(frozen=True)
class ProjectSettings:
    """A project's limits and permissions. None means unlimited."""

    project_id: str
    daily_cost_usd: Decimal | None = None
    """Limit of all its tasks in a UTC day."""
    daily_tokens: int | None = None
    """Limit of all its tasks in a UTC day, in tokens."""
    callable_agents: frozenset[str] = frozenset()
    """Its agents that other agents of the project may call as tools."""
    mcp_servers: tuple[McpServer, ...] = field(default=())
    """MCP servers that its agents may use."""
    webhook_secret: bytes | None = field(default=None, repr=False)
    """What signs its notifications, encrypted. None until the operator has made one."""

    @property
    def has_budget(self) -> bool:
        """Whether it has a daily limit."""
        return self.daily_cost_usd is not None or self.daily_tokens is not None
