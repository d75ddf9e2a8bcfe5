"""Calling other agents: tasks that a task starts, awaits, and takes the results of."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.access.cost_limits import left_of
from a2a_tasks.domain import ids
from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import Budget, Parent, Status, Task, TaskRef
from a2a_tasks.domain.text.blank import is_blank
from a2a_tasks.domain.tools.catalog import CHILD_TOOLS, ToolAnswer
from a2a_tasks.domain.tools.service import CHILDREN_BY_DEPTH, MAX_DEPTH
from a2a_tasks.domain.tracing.task_spans import call_span_id
from a2a_tasks.domain.usage import Spent, Usage, released, reserve, reserved_for, total, with_child
from a2a_tasks.execution.checkpoints import Checkpoints
from a2a_tasks.execution.model.transcript import ToolCall, Turn
from a2a_tasks.execution.run import TaskRun
from a2a_tasks.execution.tools.toolbox import ToolOutcome, error_outcome, storable
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.submission import ChildOrigin, Submission, Submitter

MICRO_USD = Decimal("0.000001")


@dataclass(frozen=True)
class OtherAgents:
    """Starts tasks of other agents. The id of a task is saved with the tool call before the task is
    created, so that a crash leads to no second one."""

    store: TaskStore
    payloads: PayloadStore
    submitter: Submitter
    budgets: DailyBudgets
    checkpoints: Checkpoints
    clock: Clock
    entropy: Entropy
    run: RunBlocking

    async def call(self, work: TaskRun, turn: Turn, call: ToolCall) -> TaskRef | None:
        """Start another agent's task, or fetch its result.

        Returns:
            The task to wait for, or None if the call has its result.

        Raises:
            Stopped: The task is no longer held.
            StoreUnavailable: Calling again is safe.
            PayloadUnavailable: Likewise.
            PayloadCorrupt: The result cannot be read.
        """
        task = await self.run(self.store.get, call.child) if call.child else None
        if task is None:
            # also the case after a crash between saving the id and creating the task
            return await self._start(work, turn, call)
        # its end wakes this task, which then calls this method again
        if not task.is_terminal:
            return task.ref
        # before the result is saved: after a crash in between it runs again and replaces the started task's
        # entry
        work.spent = with_child(work.spent, work.task.attempt, task.ref.task_id, task.spent)
        await self.checkpoints.save_spent(work)
        await self.checkpoints.answer(work, turn, call, ToolOutcome(await self._result_of(task)))
        return None

    async def _start(self, work: TaskRun, turn: Turn, call: ToolCall) -> TaskRef | None:
        new_id = ids.task_id(self.clock.now(), self.entropy.bytes(10))
        task_id = call.child.task_id if call.child else new_id
        submission = await self._submission(work, turn, call, task_id)
        if isinstance(submission, ToolOutcome):
            await self.checkpoints.answer(work, turn, call, submission)
            return None
        # a call with a saved id creates, or finds, the task of this id
        child = call.child or TaskRef(submission.agent_id, new_id)
        if call.child is None:
            work.spent = with_share(work, submission.budget, task_id)
            await self.checkpoints.save_child(work, turn, call, child)
        try:
            await self.checkpoints.with_retries(work, lambda: self.submitter.submit(submission))
        except RequestRefused as refused:
            # stored with the next write; until then a worker that takes over releases the reservation itself,
            # because the call has its result
            work.spent = released(work.spent, task_id)
            await self.checkpoints.answer(work, turn, call, error_outcome(refused.message))
            return None
        return child

    async def _submission(
        self, work: TaskRun, turn: Turn, call: ToolCall, task_id: str
    ) -> Submission | ToolOutcome:
        """The submission that a call requests, or the result of a call that is not allowed."""
        task = work.task
        arguments = call.input if isinstance(call.input, dict) else {}
        agent_id, message = arguments.get("agent"), arguments.get("message")
        if not isinstance(agent_id, str) or not isinstance(message, str) or is_blank(message):
            return error_outcome("agent and message must be texts that are not blank.")
        settings = await self.run(
            self.budgets.settings, task.project_id, lambda kept: agent_id in kept.callable_agents
        )
        if agent_id not in settings.callable_agents:
            known = ", ".join(sorted(settings.callable_agents)) or "none"
            return error_outcome(
                f"The agent {storable(agent_id)} may not be called; those that may: {known}."
            )
        if task.depth + 1 > MAX_DEPTH:
            return error_outcome(f"Agents may call each other at most {MAX_DEPTH} deep; do this yourself.")
        most = CHILDREN_BY_DEPTH[task.depth]
        # a call whose id is saved was counted already
        if work.transcript.children >= most and call.child is None:
            return error_outcome(f"This task has called {most} agents, which is as many as it may.")
        budget = share_of(work, turn, task_id)
        if budget.is_used_up(Usage()):
            return error_outcome("Nothing is left of this task's budget for another agent.")
        return Submission(
            project_id=task.project_id,
            agent_id=agent_id,
            message=storable(message),
            context=None,
            timeout_ms=None,
            correlation_id=task.correlation_id,
            priority=task.priority,
            budget=budget,
            spender=task.spender,
            key_id=task.key_id,
            is_untrusted=work.transcript.has_read_untrusted(turn),
            origin=ChildOrigin(
                Parent(task.ref, call.call_id),
                task.depth + 1,
                task_id,
                task.deadline,
                trace=task.trace and task.trace.under(call_span_id(task.ref.task_id, call.call_id)),
            ),
        )

    async def _result_of(self, child: Task) -> ToolAnswer:
        document = await self.run(payload.load, self.payloads, child.output) if child.output else {}
        text = str(document.get("result", ""))
        if child.status is Status.COMPLETED:
            return ToolAnswer(text)
        reason = child.failure.message if child.failure else "It was canceled."
        partial = f"\nWhat it had so far:\n{text}" if text else ""
        return ToolAnswer(f"The agent did not finish: {reason}{partial}", is_error=True)


def share_of(work: TaskRun, turn: Turn, task_id: str) -> Budget:
    """Budget of a started task: its reservation, if it has one, or else an equal share of what is left,
    for each call of the turn that is not started yet and for the parent itself."""
    limits = work.task.budget
    reserved = reserved_for(work.spent, task_id)
    if reserved is not None:
        return Budget(
            None if limits.cost_usd is None else reserved.cost_usd,
            None if limits.tokens is None else reserved.tokens,
        )
    parts = 1 + sum(call.name in CHILD_TOOLS and call.child is None for call in turn.open_calls)
    left = left_of(limits, total(work.spent))
    return Budget(
        None if left.cost_usd is None else (left.cost_usd / parts).quantize(MICRO_USD, ROUND_DOWN),
        None if left.tokens is None else left.tokens // parts,
    )


def with_share(work: TaskRun, share: Budget, task_id: str) -> tuple[Spent, ...]:
    """The task's usage with a reservation of ``share`` for a task that is about to be started."""
    if share == Budget():
        return work.spent
    usage = Usage(input_tokens=share.tokens or 0, cost_usd=share.cost_usd or Decimal(0))
    return reserve(work.spent, work.task.attempt, work.task.model, usage, task_id)
