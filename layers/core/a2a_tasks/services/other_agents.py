"""Calling other agents: the tasks that a task starts, waits for, and takes the results of."""

from dataclasses import dataclass

from a2a_tasks.domain import ids
from a2a_tasks.domain.blank import is_blank
from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.service_tools import MAX_CHILDREN, MAX_DEPTH
from a2a_tasks.domain.task import Parent, Status, Task, TaskRef
from a2a_tasks.domain.tools import ToolAnswer
from a2a_tasks.domain.usage import total, with_child
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.services import payload
from a2a_tasks.services.allowance import left_of
from a2a_tasks.services.budgets import DailyBudgets
from a2a_tasks.services.journal import Journal
from a2a_tasks.services.lease import RunBlocking
from a2a_tasks.services.submit import Origin, Submission, Submitter
from a2a_tasks.services.toolbox import Done, failed, storable
from a2a_tasks.services.transcript import Call, Turn
from a2a_tasks.services.work import Work


@dataclass(frozen=True)
class OtherAgents:
    """The id of a task is kept with the call before the task is created, so that no crash starts another."""

    store: TaskStore
    payloads: PayloadStore
    submitter: Submitter
    budgets: DailyBudgets
    journal: Journal
    clock: Clock
    entropy: Entropy
    run: RunBlocking

    async def call(self, work: Work, turn: Turn, call: Call) -> TaskRef | None:
        """Start another agent's task, or look how it went; the task, if it must be waited for.

        Raises ``Stopped``, ``StoreUnavailable``, ``PayloadUnavailable`` and ``PayloadCorrupt``.
        """
        task = await self.run(self.store.get, call.child) if call.child else None
        if task is None:
            # also where the process died between choosing the id and creating the task
            return await self._start(work, turn, call)
        if not task.is_terminal:
            return task.ref
        work.spent = with_child(work.spent, work.task.attempt, task.ref.task_id, task.spent)
        await self.journal.save_spent(work)
        await self.journal.answer(work, turn, call, Done(await self._result_of(task)))
        return None

    async def _start(self, work: Work, turn: Turn, call: Call) -> TaskRef | None:
        new_id = ids.task_id(self.clock.now(), self.entropy.bytes(10))
        submission = await self._submission(work, call, call.child.task_id if call.child else new_id)
        if isinstance(submission, Done):
            await self.journal.answer(work, turn, call, submission)
            return None
        child = call.child or TaskRef(submission.agent_id, new_id)
        if call.child is None:
            await self.journal.save_child(work, turn, call, child)
        try:
            await self.journal.insist(work, lambda: self.submitter.submit(submission))
        except RequestRefused as refused:
            await self.journal.answer(work, turn, call, failed(refused.message))
            return None
        return child

    async def _submission(self, work: Work, call: Call, task_id: str) -> Submission | Done:
        """What a call asks for, or the answer to one that may not be."""
        task = work.task
        arguments = call.input if isinstance(call.input, dict) else {}
        agent_id, message = arguments.get("agent"), arguments.get("message")
        if not isinstance(agent_id, str) or not isinstance(message, str) or is_blank(message):
            return failed("agent and message must be texts that are not blank.")
        settings = await self.run(
            self.budgets.settings, task.project_id, lambda kept: agent_id in kept.callable_agents
        )
        if agent_id not in settings.callable_agents:
            known = ", ".join(sorted(settings.callable_agents)) or "none"
            return failed(f"The agent {storable(agent_id)} may not be called; those that may: {known}.")
        if task.depth + 1 > MAX_DEPTH:
            return failed(f"Agents may call each other at most {MAX_DEPTH} deep; do this yourself.")
        if work.transcript.children >= MAX_CHILDREN and call.child is None:
            return failed(f"This task has called {MAX_CHILDREN} agents, which is as many as it may.")
        return Submission(
            project_id=task.project_id,
            agent_id=agent_id,
            message=storable(message),
            context=None,
            timeout_ms=None,
            correlation_id=task.correlation_id,
            priority=task.priority,
            budget=left_of(task.budget, total(work.spent)),
            origin=Origin(Parent(task.ref, call.call_id), task.depth + 1, task_id, task.deadline),
        )

    async def _result_of(self, child: Task) -> ToolAnswer:
        document = await self.run(payload.load, self.payloads, child.output) if child.output else {}
        text = str(document.get("result", ""))
        if child.status is Status.COMPLETED:
            return ToolAnswer(text)
        reason = child.failure.message if child.failure else "It was canceled."
        partial = f"\nWhat it had so far:\n{text}" if text else ""
        return ToolAnswer(f"The agent did not finish: {reason}{partial}", is_error=True)
