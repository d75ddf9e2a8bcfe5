"""What follows when work on a task stops: what is written, and what happens to its message."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import guard_of_completion, guard_of_worker
from a2a_tasks.domain.overload.fallback import Overload
from a2a_tasks.domain.overload.retry import NextTry, in_time, last_attempt, next_try
from a2a_tasks.domain.schedule import clocks_of_wait, due_after_release, due_while_awaiting, longest_wait
from a2a_tasks.domain.task import Payload, Question, Task, TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.execution.process.leases import StopCause
from a2a_tasks.execution.results import AwaitingInput, AwaitingTasks, Failed, Finished, OutOfTime, RunResult
from a2a_tasks.execution.run import RunSnapshot
from a2a_tasks.execution.store_retry import StoreRetry
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.queues import TaskSender
from a2a_tasks.ports.tasks import InputRequest, Postponement, Refused, Release, TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.outputs import save_output, save_partial


@dataclass(frozen=True)
class Requeue:
    """The message returns to the queue."""

    seconds: int | None
    """For how long it is invisible. None: its visibility timeout is left alone."""


SWITCH_SECONDS = 1
"""Delay before a task continues with another model."""
COUNT_AGAIN_SECONDS = 60
"""Delay before the message of an ended task returns because its usage could not be counted."""
OUTAGE_SECONDS, LONGEST_OUTAGE_SECONDS = 10, 60
"""First and longest delay of a task that could not be started. It grows, because the queue limits the number
of receives."""
DONE = None
"""The message is deleted."""


@dataclass(frozen=True)
class OutcomeHandler:
    """Writes the outcome of a run. Every write is conditioned on the fence and retried while the task is
    held.

    All methods raise ``StoreUnavailable``, ``PayloadUnavailable`` and ``QueueUnavailable``, and
    ``Stopped`` if this process no longer holds the task.
    """

    store: TaskStore
    payloads: PayloadStore
    queue: TaskSender
    slots: Slots
    finalizer: TaskFinalizer
    day: DayCount
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    store_retry: StoreRetry
    run: RunBlocking
    max_wait_ms: int
    """Longest time that a question waits for its answer."""

    async def conclude(self, snapshot: RunSnapshot, result: RunResult) -> Requeue | None:
        """The run has ended by itself."""
        match result:
            case Finished(output):
                return await self._complete(snapshot.with_text(str(output["result"])), output)
            case Failed(failure, text):
                return await self.fail(snapshot.with_text(text), failure)
            case AwaitingInput(question):
                return await self._ask(snapshot, question)
            case AwaitingTasks(children):
                return await self._await_children(snapshot, children)
            case OutOfTime():
                return await self._hand_over(snapshot)

    async def stop(self, snapshot: RunSnapshot, why: StopCause) -> Requeue | None:
        """The run was stopped from outside."""
        self.telemetry.event("execution stopped", snapshot.task, why=why)
        match why:
            case StopCause.ENDED:
                return await self._ended_by_others(snapshot)
            case StopCause.LOST:
                return Requeue(None)
            case StopCause.DEADLINE:
                return await self._time_out(snapshot)
            case StopCause.SHUTDOWN if snapshot.has_bought or snapshot.held.is_late:
                # the turn started late, and a fresh invocation has more time for it
                return await self._hand_over(snapshot, cut_off=True)
            case StopCause.SHUTDOWN:
                reason = "The turn did not finish within the worker's running time."
                return await self.retry(snapshot, Failure(FailureCode.EXECUTION_ERROR, reason), cut_off=True)

    async def fail(self, snapshot: RunSnapshot, failure: Failure) -> Requeue | None:
        """The run cannot succeed."""
        task, guard = snapshot.task, guard_of_worker(snapshot.task.fence)
        # stored before the write that refers to it: a crash in between leaves an unused text, not a dangling
        # reference
        output = await self._save_partial(snapshot)
        result = await self._with_retries(
            snapshot,
            lambda: self.finalizer.fail(task, failure, guard, spent=snapshot.spent, output=output),
        )
        return await self._ended(snapshot, result)

    async def retry(
        self,
        snapshot: RunSnapshot,
        failure: Failure,
        *,
        retry_after: float | None = None,
        overload: Overload | None = None,
        cut_off: bool = False,
    ) -> Requeue | None:
        """Release the task for another attempt, or fail it if none is left or the next would start after
        the deadline. ``retry_after`` is in seconds."""
        if overload is not None and overload.is_switch:
            retry_after = None  # it applied to the previous model
        then = next_try(snapshot.task, failure, self.clock.now(), retry_after, self.entropy.fraction())
        return await self._try_again(snapshot, failure, then, overload=overload, cut_off=cut_off)

    async def retry_after_outage(self, snapshot: RunSnapshot, failure: Failure) -> Requeue | None:
        """A dependency does not respond. As long as this run has completed no turn, which a repetition
        might pay for again, it counts as no failed attempt, because outages end."""
        if snapshot.has_bought:
            return await self.retry(snapshot, failure)
        seconds = min(snapshot.held.delivery.receive_count * OUTAGE_SECONDS, LONGEST_OUTAGE_SECONDS)
        then = in_time(snapshot.task, failure, self.clock.now(), seconds)
        return await self._try_again(snapshot, failure, then, keeps_attempt=True)

    async def _try_again(
        self,
        snapshot: RunSnapshot,
        failure: Failure,
        then: NextTry | Failure,
        *,
        overload: Overload | None = None,
        keeps_attempt: bool = False,
        cut_off: bool = False,
    ) -> Requeue | None:
        if isinstance(then, Failure):
            return await self.fail(snapshot, then)
        task, now = snapshot.task, self.clock.now()
        due_at = due_after_release(then.not_before, task.deadline)
        release = Release(
            now,
            then.not_before,
            due_at,
            snapshot.spent,
            code=failure.code,
            overload=overload,
            keeps_attempt=keeps_attempt,
            cut_off=cut_off,
        )
        result = await self._release(snapshot, release)
        if isinstance(result, Refused):
            return await self._refused(snapshot, result)
        # after the release: after a crash in between, the task's next claim or the sweep of the line frees
        # the slot
        await self._leave(task, ended=False)
        self.telemetry.count("TaskRetries")
        self.telemetry.event(
            "task waits for another attempt", task, reason=failure.message, seconds=then.seconds
        )
        # the current message also starts the next attempt; if it is lost, the task is due soon after
        return Requeue(then.seconds)

    async def wait_for_model(
        self,
        snapshot: RunSnapshot,
        failure: Failure,
        seconds: int,
        overload: Overload | None = None,
        *,
        was_called: bool = True,
    ) -> Requeue | None:
        """The model throttled the task's call, or the call was not made because of the pace: the task
        waits, and its run clock stops.

        No attempt is used up, unless the caller has limited the attempts and the call was made. The task
        gets a new message, because it may wait more often than SQS delivers one.
        """
        task, now = snapshot.task, self.clock.now()
        # a caller's limit of attempts also limits the calls
        is_attempt = task.bounds_tries and was_called
        if is_attempt and (last := last_attempt(task, failure)) is not None:
            return await self.fail(snapshot, last)
        is_switch = overload is not None and overload.is_switch
        seconds = SWITCH_SECONDS if is_switch else seconds
        clocks = clocks_of_wait(task, now)
        not_before = now + seconds * 1000
        release = Release(
            now,
            not_before,
            due_after_release(not_before, clocks.deadline if clocks else task.deadline),
            snapshot.spent,
            keeps_attempt=not is_attempt,
            code=failure.code,
            overload=overload,
            throttled_calls=0 if is_switch else task.throttled_calls + 1,
            clocks=clocks,
        )
        result = await self._release(snapshot, release)
        if isinstance(result, Refused):
            return await self._refused(snapshot, result)
        await self._leave(task, ended=False)
        self.telemetry.event("task waits for the model", task, reason=failure.message, seconds=seconds)
        # sent before the old message is deleted, so that a crash leaves two messages rather than none
        await self.run(self.queue.send, result.task, seconds)
        return DONE

    async def postpone(self, task: Task, seconds: int) -> Written | Refused:
        """Let an unclaimed task wait for the model."""
        now = self.clock.now()
        clocks, not_before = clocks_of_wait(task, now), now + seconds * 1000
        due_at = due_after_release(not_before, clocks.deadline if clocks else task.deadline)
        postponement = Postponement(now, not_before, due_at, task.throttled_calls + 1, clocks)
        # refused if another worker has claimed the task since it was read
        result = await self.run(self.store.postpone, task.ref, task.fence, postponement)
        # if it was refused, the slot may belong to the claim that won
        if isinstance(result, Written):
            if task.slot is not None:
                # the task cannot be claimed for now, so a slot granted for its next claim is free again
                await self._leave(replace(task, fence=task.fence + 1), ended=False)
            # after the write, and before the caller deletes the old message, which remains after a crash in
            # between
            await self.run(self.queue.send, result.task, seconds)
        return result

    # -- ends

    async def _complete(self, snapshot: RunSnapshot, document: dict[str, Any]) -> Requeue | None:
        task = snapshot.task
        # stored before the write that refers to it; if that write is refused, clean-up deletes the output
        # with the task
        output = await self._with_retries(snapshot, lambda: save_output(self.payloads, task, document))
        result = await self._with_retries(
            snapshot,
            # uses the time of each attempt: a result written after the deadline does not count
            lambda: self.finalizer.complete(
                task, output, snapshot.spent, guard_of_completion(task.fence, self.clock.now())
            ),
        )
        if isinstance(result, Written):
            return await self._settle(snapshot, result.task)
        # the deadline has passed, so the task times out with the text as a partial output
        if result.current is not None and result.current.is_expired(self.clock.now()):
            return await self._time_out(snapshot)
        return await self._refused(snapshot, result)

    async def _time_out(self, snapshot: RunSnapshot) -> Requeue | None:
        task, output = snapshot.task, await self._save_partial(snapshot)
        result = await self._with_retries(
            snapshot,
            lambda: self.finalizer.time_out(task, spent=snapshot.spent, output=output, fence=task.fence),
        )
        return await self._ended(snapshot, result)

    async def _ended(self, snapshot: RunSnapshot, result: Written | Refused) -> Requeue | None:
        if isinstance(result, Refused):
            return await self._refused(snapshot, result)
        # after the write of the end: had it been refused, the task might continue and need them
        await self._cancel_children(snapshot)
        return await self._settle(snapshot, result.task)

    async def _refused(self, snapshot: RunSnapshot, refused: Refused) -> Requeue | None:
        """A refused write means that the task was ended by another process, or is held by another worker,
        which will end it."""
        if refused.current is None:
            return DONE
        return await self._ended_by_others(snapshot) if refused.current.is_terminal else Requeue(None)

    async def _ended_by_others(self, snapshot: RunSnapshot) -> Requeue | None:
        """The task was canceled or timed out meanwhile: save the partial output and free the slot."""
        task, output = snapshot.task, await self._save_partial(snapshot)
        result = await self._with_retries(
            snapshot, lambda: self.store.add_partial_output(task.ref, task.fence, output, snapshot.spent)
        )
        # also refused if an earlier attempt succeeded, or if another worker holds the task: what follows is
        # safe in either case
        current = result.current
        # the process that ended the task left the slot to this worker, which may have been using it until now
        await self._leave(task, ended=True)
        await self._cancel_children(snapshot)
        return DONE if current is None else await self._settle(snapshot, current)

    # -- pauses

    async def _ask(self, snapshot: RunSnapshot, question: Question) -> Requeue | None:
        """The run clock stops until the answer, at most for the longest wait."""
        task, now = snapshot.task, self.clock.now()
        until = longest_wait(task, now, self.max_wait_ms)
        # counted before the write that records it: a crash in between may count twice, but never too little
        counted = await self._counted(snapshot)
        request = InputRequest(now, question, until, max(1_000, task.deadline - now), counted)
        result = await self._with_retries(
            snapshot, lambda: self.store.request_input(task.ref, task.fence, request)
        )
        if isinstance(result, Refused):
            return await self._refused(snapshot, result)
        await self._leave(task, ended=False)
        self.telemetry.count("TasksAskedForInput")
        self.telemetry.event("task asks for input", result.task)
        return DONE  # the answer sends a new message

    async def _await_children(self, snapshot: RunSnapshot, children: tuple[TaskRef, ...]) -> Requeue | None:
        task, now = snapshot.task, self.clock.now()
        release = Release(
            now,
            now,
            due_while_awaiting(now, task.deadline),
            snapshot.spent,
            keeps_attempt=True,
            awaits=children,
        )
        result = await self._release(snapshot, release)
        if isinstance(result, Refused):
            return await self._refused(snapshot, result)
        await self._leave(task, ended=False)
        # one of them may have ended before this task was stored as waiting
        await self.run(self.finalizer.wake_if_ready, result.task)
        return DONE

    async def _hand_over(self, snapshot: RunSnapshot, *, cut_off: bool = False) -> Requeue | None:
        """Let another worker continue at once. The task keeps its slots."""
        task, now = snapshot.task, self.clock.now()
        due_at = due_after_release(now, task.deadline)
        release = Release(now, now, due_at, snapshot.spent, keeps_attempt=True, cut_off=cut_off)
        result = await self._release(snapshot, release)
        if isinstance(result, Refused):
            return await self._refused(snapshot, result)
        self.telemetry.event("task handed over to another worker", task, turns=snapshot.turns)
        # after the release, because the other worker's claim would be refused before it
        await self.run(self.queue.send, result.task)
        return DONE

    # -- writing

    async def _release(self, snapshot: RunSnapshot, release: Release) -> Written | Refused:
        """Give the task up, unless another worker has it by now (fence)."""
        # counted before the write that records it: a crash in between may count twice, but never too little
        task, counted = snapshot.task, await self._counted(snapshot)
        release = replace(release, counted=counted)
        return await self._with_retries(snapshot, lambda: self.store.release(task.ref, task.fence, release))

    async def _counted(self, snapshot: RunSnapshot) -> Usage | None:
        """Count what was interrupted; the day's count of the task as it is released."""
        return await self.run(self.day.add, snapshot.task, snapshot.spent, await _known(snapshot))

    async def _settle(self, snapshot: RunSnapshot, ended: Task) -> Requeue | None:
        """Count the usage of a task whose end is written. If that fails, the message returns and the count is
        retried."""
        # after the end, and after a count in progress has finished, or the usage would be counted twice
        is_counted = await self.run(self.day.settle, ended, await _known(snapshot))
        return DONE if is_counted else Requeue(COUNT_AGAIN_SECONDS)

    async def _cancel_children(self, snapshot: RunSnapshot) -> None:
        """Cancel the started tasks, whose results are no longer needed."""
        if snapshot.children:
            await self.run(self.finalizer.cancel_children, snapshot.task, snapshot.children)

    async def _leave(self, task: Task, *, ended: bool) -> None:
        """Free the slots. Always after the write that releases or ends the task, or another task could run at
        the same time. If a crash prevents it, the sweep of the line frees them."""
        await self.run(self.slots.leave, task, ended=ended)

    async def _save_partial(self, snapshot: RunSnapshot) -> Payload | None:
        return await self._with_retries(
            snapshot, lambda: save_partial(self.payloads, snapshot.task, snapshot.text)
        )

    async def _with_retries[T](self, snapshot: RunSnapshot, write: Callable[[], T]) -> T:
        return await self.store_retry.call(write, snapshot.held)


async def _known(snapshot: RunSnapshot) -> Usage | None:
    """The day's count of the task, once it is known."""
    return snapshot.counted if snapshot.counting is None else await snapshot.counting
