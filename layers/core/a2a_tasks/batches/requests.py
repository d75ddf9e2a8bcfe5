"""Requests of tasks in a batch."""

from dataclasses import dataclass

from a2a_tasks.batches.single_turn import SingleTurns
from a2a_tasks.domain.errors import Failure, FailureCode, RequestRefused
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.usage import Usage
from a2a_tasks.execution.model.turn import not_shown
from a2a_tasks.ports.batches import MessageBatches
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore
from a2a_tasks.tasks import payload

MAX_BYTES = 32_000_000
"""Well below the API's 256 MB, since a batch is held in memory."""
ENVELOPE_BYTES = 32
"""Upper bound of the bytes around and between requests."""


@dataclass(frozen=True)
class BatchRequests:
    """Builds requests."""

    api: MessageBatches
    payloads: PayloadStore
    turns: SingleTurns

    def of(self, task: Task) -> tuple[bytes, Usage] | Failure:
        """The task's serialized request and an upper estimate of its usage, or why it has none. Raises
        ``StoreUnavailable`` and ``PayloadUnavailable``."""
        agent = self.turns.agent_of(task)
        if isinstance(agent, Failure):
            return agent
        try:
            document = payload.load(self.payloads, task.input)
            request = self.turns.request(task, agent, document)
        except PayloadCorrupt as error:
            # the same at each try, so it fails at once
            return Failure(FailureCode.EXECUTION_ERROR, str(error))
        except RequestRefused as refused:
            return not_shown(refused)
        encoded = self.api.encode(task.ref.task_id, request)
        if len(encoded) > MAX_BYTES - 2 * ENVELOPE_BYTES:
            return Failure(FailureCode.EXECUTION_ERROR, "The task's message is too large for a batch.")
        return encoded, self.turns.cost_limits.most(task, request)
