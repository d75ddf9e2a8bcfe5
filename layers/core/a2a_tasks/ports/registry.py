"""What the functions read of projects, agents and keys. The operator's command writes them."""

from typing import Protocol

from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.agent import AgentRevision


class KeyReader(Protocol):
    def key(self, key_id: str) -> ApiKey | None: ...


class AgentReader(Protocol):
    def agent(self, agent_id: str) -> AgentRevision | None:
        """The agent as it is now: its newest revision, and whether it is enabled."""
        ...

    def revision(self, agent_id: str, revision: int) -> AgentRevision | None:
        """A pinned revision; these never change."""
        ...


class ProjectReader(Protocol):
    def project(self, project_id: str) -> ProjectSettings | None:
        """The project's settings as they are now."""
        ...
