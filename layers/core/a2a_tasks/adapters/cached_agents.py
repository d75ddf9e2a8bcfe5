"""Agents, cached briefly by the process, because chat messages must be answered within seconds."""

from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.registry import AgentReader

TTL_MS = 10_000
"""How long after a change a chat may still be answered by the definition before."""


class CachedAgents:
    """``AgentReader``, as of ten seconds ago at most. One that does not exist is asked for anew."""

    def __init__(self, reader: AgentReader, clock: Clock) -> None:
        self._reader = reader
        self._cached = TtlCache[AgentRevision](clock, TTL_MS)

    def agent(self, agent_id: str) -> AgentRevision | None:
        return self._cached.get(agent_id, lambda: self._reader.agent(agent_id))

    def revision(self, agent_id: str, revision: int) -> AgentRevision | None:
        return self._reader.revision(agent_id, revision)
