"""Projects, agents and API keys, as functions read them. Only the operator's command writes them."""

from typing import Protocol

from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.pause import Pause


class KeyReader(Protocol):
    """API keys. Raises ``StoreUnavailable``."""

    def key(self, key_id: str) -> ApiKey | None:
        """The key of this id, or None if there is none."""
        ...


class AgentReader(Protocol):
    """Agents and their revisions. Both methods raise ``StoreUnavailable``."""

    def agent(self, agent_id: str) -> AgentRevision | None:
        """The newest revision of an agent, and whether the agent is enabled. None if there is no such
        agent."""
        ...

    def revision(self, agent_id: str, revision: int) -> AgentRevision | None:
        """One revision of an agent. Revisions never change, so they can be cached."""
        ...


class ProjectAgents(Protocol):
    """A project's agents, also those that are disabled. Both methods raise ``StoreUnavailable``."""

    def agent_ids(self, project_id: str) -> list[str]:
        """Their ids, sorted."""
        ...

    def agents_of(self, project_id: str) -> list[AgentRevision]:
        """Their newest revisions, sorted by id."""
        ...


class ProjectReader(Protocol):
    """Settings of projects. Raises ``StoreUnavailable``."""

    def project(self, project_id: str) -> ProjectSettings | None:
        """The project's current settings. None if it has none."""
        ...


class PauseReader(Protocol):
    """The operator's switch. Raises ``StoreUnavailable``."""

    def pause(self) -> Pause | None:
        """The pause of the whole deployment, or None if it works."""
        ...
