"""Projects, agents and keys in memory."""

from dataclasses import dataclass, field, replace

from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.pause import Pause


@dataclass
class MemoryRegistry:
    """``KeyReader``, ``AgentReader``, ``ProjectAgents``, ``ProjectReader`` and ``PauseReader``, with an
    operator's actions on them."""

    keys: dict[str, ApiKey] = field(default_factory=dict)
    current: dict[str, AgentRevision] = field(default_factory=dict)
    revisions: dict[tuple[str, int], AgentRevision] = field(default_factory=dict)
    projects: dict[str, ProjectSettings] = field(default_factory=dict)
    paused: Pause | None = None

    def key(self, key_id: str) -> ApiKey | None:
        return self.keys.get(key_id)

    def agent(self, agent_id: str) -> AgentRevision | None:
        return self.current.get(agent_id)

    def revision(self, agent_id: str, revision: int) -> AgentRevision | None:
        return self.revisions.get((agent_id, revision))

    def agent_ids(self, project_id: str) -> list[str]:
        return [agent.agent_id for agent in self.agents_of(project_id)]

    def agents_of(self, project_id: str) -> list[AgentRevision]:
        found = [agent for agent in self.current.values() if agent.project_id == project_id]
        return sorted(found, key=lambda agent: agent.agent_id)

    def project(self, project_id: str) -> ProjectSettings | None:
        return self.projects.get(project_id)

    def pause(self) -> Pause | None:
        return self.paused

    def start_pause(self, pause: Pause) -> Pause:
        self.paused = self.paused or pause
        return self.paused

    def end_pause(self) -> bool:
        was_paused, self.paused = self.paused is not None, None
        return was_paused

    def put_project(self, settings: ProjectSettings) -> None:
        self.projects[settings.project_id] = settings

    def put_key(self, key: ApiKey) -> None:
        self.keys[key.key_id] = key

    def apply(self, agent: AgentRevision) -> AgentRevision:
        """Store a definition as the agent's next revision, ignoring the number it carries."""
        seen = self.current.get(agent.agent_id)
        applied = replace(agent, revision=seen.revision + 1 if seen else 1)
        self.current[agent.agent_id] = applied
        self.revisions[agent.agent_id, applied.revision] = applied
        return applied

    def disable(self, agent_id: str, now: int = 0) -> None:
        """Refuse new tasks; pinned revisions are unchanged."""
        self.current[agent_id] = replace(self.current[agent_id], enabled=False, updated_at=now)
