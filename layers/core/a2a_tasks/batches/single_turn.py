"""A task of a single turn: its request, and the meaning of its reply. Same rules as the agent loop's for
the first turn of an agent without tools."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.access.cost_limits import CostLimits
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.task import Task
from a2a_tasks.execution.model.turn import opening_of, result_of
from a2a_tasks.execution.results import Failed, Finished
from a2a_tasks.ports.model import ModelReply, ModelRequest, Prompt
from a2a_tasks.tasks.agent_revisions import Revisions


@dataclass(frozen=True)
class SingleTurns:
    """Builds and interprets single turns. ``cost_limits`` has the prices of batches."""

    revisions: Revisions
    cost_limits: CostLimits

    def agent_of(self, task: Task) -> AgentRevision | Failure:
        """The agent, or why no turn may be bought for the task. Raises ``StoreUnavailable``."""
        return self.cost_limits.refusal(task, task.usage) or self.revisions.of(task)

    def request(self, task: Task, agent: AgentRevision, document: Mapping[str, Any]) -> ModelRequest:
        """The request for a task's input ``{"message", "context"?}``."""
        prompt = Prompt(
            model=task.model,
            system=agent.system_prompt,
            output_schema=agent.output_schema,
            effort=agent.effort,
        )
        return ModelRequest(prompt, [opening_of(document)], self._max_tokens(task, agent))

    def result(self, task: Task, reply: ModelReply) -> Finished | Failed:
        """How the task ends with the reply. Raises ``StoreUnavailable``."""
        agent = self.revisions.of(task)
        if isinstance(agent, Failure):
            return Failed(agent, reply.text)
        return result_of(agent, reply, self._max_tokens(task, agent))

    def _max_tokens(self, task: Task, agent: AgentRevision) -> int:
        return self.cost_limits.max_tokens(task, agent, task.usage)
