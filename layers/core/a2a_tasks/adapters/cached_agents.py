"""Agents, cached briefly by the process, because chat messages must be answered within seconds."""

from dataclasses import dataclass, field

from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.registry import AgentReader

TTL_MS = 10_000
"""How long after a change a chat may still be answered by the definition before."""


@dataclass(frozen=True)
class CachedAgents:
    """``AgentReader``, as of ten seconds ago at most. One that does not exist is asked for anew."""

    reader: AgentReader
    clock: Clock
    _cached: TtlCache[AgentRevision] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cached", TtlCache(self.clock, TTL_MS))

    def agent(self, agent_id: str) -> AgentRevision | None:
        return self._cached.get(agent_id, lambda: self.reader.agent(agent_id))

    def revision(self, agent_id: str, revision: int) -> AgentRevision | None:
        return self.reader.revision(agent_id, revision)
