"""Accept a task: durable first, then announced, then answered."""

from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain import ids
from a2a_tasks.domain.agent import AgentRevision, resolve_model
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import Status, Task, TaskRef, due_after_create
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.faults import QueueUnavailable
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.queue import TaskSender
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.services import payload


def agent_of_project(registry: AgentReader, project_id: str, agent_id: str) -> AgentRevision:
    """The caller's agent. Another project's is answered exactly like one that does not exist.

    Raises ``RequestRefused`` (AGENT_NOT_FOUND).
    """
    agent = registry.agent(agent_id) if ids.AGENT_ID.fullmatch(agent_id) else None
    if agent is None or agent.project_id != project_id:
        raise RequestRefused(ErrorCode.AGENT_NOT_FOUND, "There is no such agent.")
    return agent


@dataclass(frozen=True)
class Submission:
    """What a caller asked for. ``timeout_ms`` None means the agent's default."""

    project_id: str
    agent_id: str
    message: str
    context: dict[str, Any] | None
    timeout_ms: int | None
    correlation_id: str


@dataclass(frozen=True)
class Submitter:
    """Makes tasks. ``aliases`` maps model aliases to ids; ``max_timeout_ms`` bounds agents' defaults too."""

    store: TaskStore
    registry: AgentReader
    payloads: PayloadStore
    queue: TaskSender
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    aliases: dict[str, str]
    max_attempts: int
    max_timeout_ms: int

    def submit(self, submission: Submission) -> Task:
        """Create and announce a task; it will end even if the announcement is lost, since it is due.

        Raises ``RequestRefused``, and ``StoreUnavailable`` or ``PayloadUnavailable`` if it was not accepted.
        """
        agent = agent_of_project(self.registry, submission.project_id, submission.agent_id)
        if not agent.enabled:
            raise RequestRefused(ErrorCode.AGENT_DISABLED, "This agent is disabled and takes no new tasks.")
        task = self._new_task(agent, submission)
        self.store.create(task)
        self.telemetry.count("TasksCreated")
        self.telemetry.event("task accepted", task)
        try:
            self.queue.send(task)
        except QueueUnavailable as error:
            # accepted all the same: the record is due, so the sweeper will send the message
            self.telemetry.problem("task not announced; the sweeper will", task, reason=str(error))
        return task

    def _new_task(self, agent: AgentRevision, submission: Submission) -> Task:
        now = self.clock.now()
        task_id = ids.task_id(now, self.entropy.bytes(10))
        document: dict[str, Any] = {"message": submission.message}
        if submission.context is not None:
            document["context"] = submission.context
        timeout_ms = min(submission.timeout_ms or agent.timeout_ms, self.max_timeout_ms)
        deadline = now + timeout_ms
        return Task(
            ref=TaskRef(agent.agent_id, task_id),
            project_id=agent.project_id,
            status=Status.PENDING,
            created_at=now,
            updated_at=now,
            deadline=deadline,
            input=payload.save(self.payloads, task_id, "input", document),
            agent_revision=agent.revision,
            model=resolve_model(agent.model, self.aliases),
            max_attempts=self.max_attempts,
            correlation_id=submission.correlation_id,
            due_at=due_after_create(now, deadline),
        )
