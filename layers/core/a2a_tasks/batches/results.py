"""Follows batches, and records the result of each task once.

The fence is that of the task's claim as a member: once the task has ended or was released, a result
changes nothing. So a batch whose results were partly recorded is simply processed again.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from a2a_tasks.batches.single_turn import SingleTurns
from a2a_tasks.batches.tasks import AT_A_TIME, BatchTasks, ParallelSteps
from a2a_tasks.domain.backoff import backoff
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import guard_of_completion
from a2a_tasks.domain.overload.retry import next_try
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.usage import Spent, as_used, released, spend
from a2a_tasks.execution.results import Finished
from a2a_tasks.ports.batches import (
    Batch,
    BatchMember,
    BatchStore,
    MessageBatches,
    RemoteBatch,
    RemoteStatus,
    RequestResult,
    UnprocessedReason,
)
from a2a_tasks.ports.clock import Entropy
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply
from a2a_tasks.ports.tasks import Refused
from a2a_tasks.tasks.outputs import save_output, save_partial

NOT_DONE = {
    UnprocessedReason.EXPIRED: Failure(
        FailureCode.MODEL_OVERLOADED, "The batch expired before the model came to this task."
    ),
    UnprocessedReason.CANCELED: Failure(
        FailureCode.EXECUTION_ERROR, "The batch was canceled before the model came to this task."
    ),
}
FIRST_WAIT_MS, LONGEST_WAIT_MS = 60_000, 900_000
"""Delay before a task that the model throttled may join another batch: at first, and at most."""
NO_RESULT = ModelBusy("The batch has ended without a result for this task.", may_be_billed=True)


@dataclass(frozen=True)
class BatchResults:
    """Follows batches. Raises ``StoreUnavailable``, ``ModelBusy`` and ``ModelRejected``."""

    batches: BatchStore
    api: MessageBatches
    tasks: BatchTasks
    turns: SingleTurns
    parallel: ParallelSteps
    entropy: Entropy

    async def follow(self, batch: Batch, run_id: str, time_left: Callable[[], float]) -> None:
        """Query a batch and do what its state requires."""
        if batch.api_id is None or batch.held_until > self.tasks.now():
            return
        remote = await self.api.get(batch.api_id)
        if remote is None:
            await self._give_up_lost(batch, run_id)
            return
        if remote.status is RemoteStatus.ENDED:
            await self._record_all(batch, remote, run_id, time_left)
        elif remote.status is RemoteStatus.IN_PROGRESS and not await self._is_waited_for(batch, run_id):
            await self.api.cancel(batch.api_id)
            self.tasks.telemetry.event("batch canceled", batch_id=batch.batch_id)

    async def _give_up_lost(self, batch: Batch, run_id: str) -> None:
        """The API does not know the batch: it was deleted, or the key now belongs to another workspace.
        Its tasks are not submitted again, since they may have been paid for; their deadlines end them."""
        self.tasks.telemetry.problem(
            "batch no longer exists at the API", batch_id=batch.batch_id, api_id=batch.api_id
        )
        if await self._is_waited_for(batch, run_id):
            return
        members = await self._members(batch)
        if await self.parallel.all_done(self._count_lost, members, "task of a lost batch not counted"):
            await self._run(self.batches.close, batch)

    async def _is_waited_for(self, batch: Batch, run_id: str) -> bool:
        """Whether one of its tasks has not ended. The position is stored, so that each task is checked
        once and not in every run."""
        members = await self._members(batch)
        for place in range(batch.live_from, len(members)):
            if await self._run(self.tasks.held, members[place]) is not None:
                if place > batch.live_from:
                    # only an optimization: a concurrent write of another run does not matter
                    await self._run(self.batches.update, replace(batch, run_id=run_id, live_from=place))
                return True
        return False

    # -- the results of a batch that has ended

    async def _record_all(
        self, batch: Batch, remote: RemoteBatch, run_id: str, time_left: Callable[[], float]
    ) -> None:
        until = self.tasks.now() + int(time_left() * 1000)
        # conditioned on the version, so that only one run at a time records results
        held = await self._run(self.batches.update, replace(batch, run_id=run_id, held_until=until))
        if held is None:
            return  # another run is recording them
        members = {member.task_id: member for member in await self._members(batch)}
        try:
            is_done = await self._record_each(remote, members, time_left)
        except (ModelBusy, ModelRejected):
            # released, so that the next run need not wait for the hold to expire
            await self._run(self.batches.update, replace(held, held_until=0))
            raise
        if is_done:
            # closed last, because results not yet recorded are found through the batch's record
            await self._run(self.batches.close, held)
            self.tasks.telemetry.count("BatchesEnded")
        else:
            await self._run(self.batches.update, replace(held, held_until=0))

    async def _record_each(
        self, remote: RemoteBatch, members: Mapping[str, BatchMember], time_left: Callable[[], float]
    ) -> bool:
        """Whether all results are recorded."""
        seen: set[str] = set()
        is_done = True
        async with aclosing(self.api.results(remote.api_id)) as results:
            async for group in _groups(results):
                ours = [result for result in group if result.task_id in members]
                is_done &= await self.parallel.all_done(
                    lambda result: self._record(members[result.task_id], result.outcome),
                    ours,
                    "result not recorded",
                )
                seen |= {result.task_id for result in group}
                if time_left() <= 0:
                    return False
        # the stream may have ended early without an error, so a missing task may still have a result
        if len(seen) < remote.count:
            self.tasks.telemetry.problem("batch results interrupted", api_id=remote.api_id, results=len(seen))
            return False
        rest = [member for task_id, member in members.items() if task_id not in seen]
        return is_done and await self.parallel.all_done(
            lambda member: self._record(member, NO_RESULT), rest, "result not recorded"
        )

    def _record(
        self, member: BatchMember, outcome: ModelReply | ModelBusy | ModelRejected | UnprocessedReason
    ) -> None:
        task = self.tasks.store.get(member.ref)
        if task is None or task.fence != member.fence:
            return  # released and claimed again meanwhile
        if task.status is Status.RUNNING:
            self._settle(task, outcome)
        elif task.is_terminal and task.held_by is not None:
            self._add_usage(task, self._used(task, outcome))
        elif task.is_terminal:
            self.tasks.count(task)  # the run that recorded its end may have died before counting

    def _count_lost(self, member: BatchMember) -> None:
        """The actual usage will never be known, so the upper estimate counts."""
        task = self.tasks.store.get(member.ref)
        if task is not None and task.fence == member.fence and task.is_terminal:
            self.tasks.count(task)

    def _used(
        self, task: Task, outcome: ModelReply | ModelBusy | ModelRejected | UnprocessedReason
    ) -> tuple[Spent, ...]:
        """The task's usage including this result."""
        match outcome:
            case ModelReply(usage=bill) | ModelRejected(used=bill):
                used = self.turns.cost_limits.charge(task, bill)
                return spend(released(task.spent), task.attempt, used)
            case ModelBusy(may_be_billed=True):
                return as_used(task.spent)
            case _:
                return released(task.spent)

    def _settle(
        self, task: Task, outcome: ModelReply | ModelBusy | ModelRejected | UnprocessedReason
    ) -> None:
        spent = self._used(task, outcome)
        match outcome:
            case ModelReply():
                self._answer(task, outcome, spent)
            case ModelRejected(code, reason):
                self.tasks.fail(task, Failure(code, reason), spent=spent)
            case ModelBusy(reason, throttled=True) if not task.bounds_tries:
                self._wait_for_model(task, reason, spent)
            case ModelBusy(reason, retry_after):
                self._retry(task, Failure(FailureCode.MODEL_OVERLOADED, reason), retry_after, spent)
            case UnprocessedReason():
                self._retry(task, NOT_DONE[outcome], None, spent)

    def _answer(self, task: Task, reply: ModelReply, spent: tuple[Spent, ...]) -> None:
        turn_result = self.turns.result(task, reply)
        if isinstance(turn_result, Finished):
            # stored before the write that refers to it
            output = save_output(self.tasks.payloads, task, turn_result.output)
            guard = guard_of_completion(task.fence, self.tasks.now())
            # the claim's id identifies this end for every run, so a result recorded twice ends and counts
            # once
            result = self.tasks.finalizer.complete(task, output, spent, guard)
            self.tasks.counted(result)
        else:
            result = self.tasks.fail(task, turn_result.failure, spent=spent, text=turn_result.text)
        if not isinstance(result, Refused):
            self.tasks.telemetry.count("BatchTasksAnswered")
        elif result.current is not None and result.current.is_expired(self.tasks.now()):
            self._time_out(task, reply, spent)
        elif result.current is not None and result.current.is_terminal:
            self._add_usage(task, spent)

    def _time_out(self, task: Task, reply: ModelReply, spent: tuple[Spent, ...]) -> None:
        output = save_partial(self.tasks.payloads, task, reply.text)
        result = self.tasks.finalizer.time_out(task, spent=spent, output=output)
        if isinstance(self.tasks.counted(result), Refused):
            self._add_usage(task, spent)

    def _add_usage(self, task: Task, spent: tuple[Spent, ...]) -> None:
        """The task was canceled or timed out before its answer came, which was paid for."""
        result = self.tasks.store.add_partial_output(task.ref, task.fence, None, spent)
        current = result.current
        # counted even if the write was refused: the SDK may have repeated it, and after the batch is closed
        # nothing else would count it
        if current is not None and current.is_terminal:
            self.tasks.count(current)

    def _retry(
        self, task: Task, failure: Failure, retry_after: float | None, spent: tuple[Spent, ...]
    ) -> None:
        """Return the task to the line, or fail it if no further batch can answer it."""
        then = next_try(task, failure, self.tasks.now(), retry_after, self.entropy.fraction())
        if isinstance(then, Failure):
            self.tasks.fail(task, then, spent=spent)
            return
        self.tasks.give_back(task, then.not_before, spent=spent, code=failure.code)
        self.tasks.telemetry.count("TaskRetries")
        self.tasks.telemetry.event(
            "task waits for another batch", task, reason=failure.message, seconds=then.seconds
        )

    def _wait_for_model(self, task: Task, reason: str, spent: tuple[Spent, ...]) -> None:
        """The model throttled the request, which is no failed attempt: the task returns to the line as
        long as its ``queueTimeout`` allows."""
        wait_ms = backoff(task.throttled_calls, FIRST_WAIT_MS, LONGEST_WAIT_MS)
        self.tasks.give_back(
            task,
            self.tasks.now() + wait_ms,
            spent=spent,
            keeps_attempt=True,
            code=FailureCode.MODEL_OVERLOADED,
            throttled_calls=task.throttled_calls + 1,
        )
        self.tasks.telemetry.event("task waits for the model", task, reason=reason, seconds=wait_ms // 1000)

    async def _members(self, batch: Batch) -> tuple[BatchMember, ...]:
        return batch.of(await self._run(self.batches.members, batch.root_id))

    async def _run[**P, T](self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.parallel.run(call, *args, **kwargs)


async def _groups(results: AsyncIterator[RequestResult]) -> AsyncIterator[list[RequestResult]]:
    group: list[RequestResult] = []
    async for result in results:
        group.append(result)
        if len(group) == AT_A_TIME:
            yield group
            group = []
    if group:
        yield group
