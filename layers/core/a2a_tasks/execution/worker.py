"""The worker: claims the tasks that messages name, and executes them while its invocation lasts."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.concurrency.pause_watch import PauseWatch
from a2a_tasks.concurrency.slots import Admission, Slots
from a2a_tasks.domain.backoff import backoff
from a2a_tasks.domain.errors import Failure, FailureCode, RequestRefused
from a2a_tasks.domain.guards import guard_of_loss
from a2a_tasks.domain.schedule import (
    NextAction,
    claimable,
    clocks_of_start,
    due_after_start,
    due_after_take_over,
    next_action,
    whole_seconds,
    worker_lost,
)
from a2a_tasks.domain.task import Lane, Status, Task, TaskRef
from a2a_tasks.execution.agent_loop import AgentLoop
from a2a_tasks.execution.model.live_output import LivePublisher
from a2a_tasks.execution.model.pacing import Pacing
from a2a_tasks.execution.model.turn import not_shown
from a2a_tasks.execution.outcomes import COUNT_AGAIN_SECONDS, DONE, OutcomeHandler, Requeue
from a2a_tasks.execution.process.fair_lock import FairLock
from a2a_tasks.execution.process.futures import cancel
from a2a_tasks.execution.process.heartbeat import Heartbeat
from a2a_tasks.execution.process.intake import MessageIntake, SharedIntake
from a2a_tasks.execution.process.invocation import Invocation
from a2a_tasks.execution.process.leases import LeasedTask, StopCause, Stopped
from a2a_tasks.execution.results import RunResult
from a2a_tasks.execution.run import RunSnapshot, TaskRun
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.ports.queues import Delivery, WorkerQueue
from a2a_tasks.ports.tasks import Claim, Refused, TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer

SHUTDOWN_MARGIN_SECONDS = 20
"""Lambda time reserved for writing outcomes: ``leases.SAVING_SECONDS`` for a finished turn, the rest for the
release."""
LONGEST_RETURN_SECONDS = 300
"""Longest delay of a message that goes back for another worker. It doubles from one second, so that the
queue's twenty receives last more than an hour."""
UNREADABLE_SECONDS = 30
"""How long a message is invisible whose task could not be claimed because the store did not respond."""
BEGUN_AT_ONCE = 4
"""Large tasks whose texts are read at a time. Their memory cannot be measured before they are read, and each
may take 29 MB (docs/decisions/tasks.md)."""
FEW_RECEIVES = 3
"""A message received more often while its task's worker is alive stays invisible ever longer, since the
queue limits the number of receives."""


@dataclass(frozen=True)
class Executor:
    """Executes deliveries."""

    loop: AgentLoop
    pacing: Pacing
    outcomes: OutcomeHandler
    store: TaskStore
    queue: WorkerQueue
    slots: Slots
    holders: Holders
    pause: PauseWatch
    heartbeat: Heartbeat
    finalizer: TaskFinalizer
    live: LivePublisher
    intake: SharedIntake
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    run: RunBlocking
    _beginning: FairLock = field(default_factory=lambda: FairLock(BEGUN_AT_ONCE))

    @property
    def lease_seconds(self) -> int:
        """Length of a lease, and of the messages' visibility timeout."""
        return self.heartbeat.lease_seconds

    async def execute(self, deliveries: list[Delivery], time_left: Callable[[], float]) -> list[str]:
        """Execute all deliveries concurrently and independently, and more that arrive meanwhile. Errors of a
        single task are never raised. A finished task's message is deleted at once, so that after a crash only
        the others return.

        Args:
            deliveries: The received messages.
            time_left: Seconds that the invocation has left.

        Returns:
            Ids of messages that must stay in the queue.
        """
        # an event may have more messages than places: returning the rest would only use up receives
        invocation = Invocation(time_left, max(self.intake.room, len(deliveries)))
        is_again = any(delivery.receive_count > 1 for delivery in deliveries)
        intake = MessageIntake(
            self.intake, invocation, partial(self._deliver, invocation=invocation), is_again
        )
        beating = asyncio.ensure_future(self.heartbeat.keep_beating())
        own = [asyncio.ensure_future(self._deliver(each, invocation, is_own=True)) for each in deliveries]
        sharing = asyncio.ensure_future(self._share(intake, invocation))
        try:
            # ``sharing`` comes first: its end releases the anchor, which is one of ``own``
            kept = (await asyncio.gather(sharing, *own))[1:]
        finally:
            await cancel(sharing, beating)
            # last, because Lambda may freeze the process from here on
            self.heartbeat.go_idle()
        return [each.message_id for each, keep in zip(deliveries, kept, strict=True) if keep]

    async def _share(self, intake: MessageIntake, invocation: Invocation) -> None:
        await intake.work()
        invocation.end()

    async def _deliver(self, delivery: Delivery, invocation: Invocation, *, is_own: bool = False) -> bool:
        """Handle one message to its end. True if it must stay in the queue."""
        # the message is settled after this block: the next heartbeat would otherwise reset the visibility
        # timeout, and with it the delay of a message that is put back
        async with self.heartbeat.handling(delivery):
            with invocation.handling_one(is_own=is_own):
                returned = await self._outcome(delivery, invocation)
            # inside the block, because the anchor must stay invisible while it waits
            if returned is DONE and is_own:
                await invocation.anchor()
        try:
            await self._settle(delivery, returned)
        except QueueUnavailable as error:
            # harmless: the message returns, and its receiver acts on the task's state at that time
            self.telemetry.problem("message not settled", reason=str(error), message_id=delivery.message_id)
        self.telemetry.flush()
        return returned is not DONE

    async def _outcome(self, delivery: Delivery, invocation: Invocation) -> Requeue | None:
        try:
            return await self._handle(delivery, invocation)
        except Stopped:
            return Requeue(None)  # lost while its outcome was being written
        except (StoreUnavailable, QueueUnavailable) as error:
            # it is unknown which writes took effect: all of them are conditional, and the next delivery reads
            # the stored state
            self.telemetry.problem(
                "task not processed; its message returns", reason=str(error), message_id=delivery.message_id
            )
            return Requeue(UNREADABLE_SECONDS)
        except Exception as error:
            # an error must not affect the other tasks of this invocation
            self.telemetry.problem("delivery failed", error=error, message_id=delivery.message_id)
            return Requeue(UNREADABLE_SECONDS)

    async def _settle(self, delivery: Delivery, returned: Requeue | None) -> None:
        if returned is DONE:
            # deleted only after the outcome is written: after a crash before this line, the returning message
            # finds a task that needs nothing or was announced again
            await self.run(self.queue.delete, delivery)
        elif returned.seconds is not None or delivery.is_direct:
            # a direct message never stays in its queue, because it would start no worker from there
            seconds = self.lease_seconds if returned.seconds is None else returned.seconds
            await self.run(self.queue.put_back, delivery, seconds)

    async def _handle(self, delivery: Delivery, invocation: Invocation) -> Requeue | None:
        if delivery.ref is None:
            self.telemetry.problem("malformed task message", message_id=delivery.message_id)
            return Requeue(0)  # returned without delay until it is dead-lettered
        # checked before anything is written, so that a returned message leaves nothing to undo
        if await self.run(self.pause.is_on) or self._lacks_memory():
            return _return_later(delivery)
        await self._extend_visibility(delivery)
        # a consistent read: the message may arrive milliseconds after the task was written, and is deleted if
        # the task does not exist
        task = await self.run(self.store.get, delivery.ref)
        if task is None or task.lane is Lane.BATCH:
            return DONE
        # past its deadline a task ends even if a worker holds it, so the lease does not matter
        if task.status is Status.RUNNING and not task.is_expired(self.clock.now()):
            held_until = await self.run(self.holders.take, task, delivery.message_id)
            if held_until is not None:
                return self._held_elsewhere(task, delivery, held_until)
        if not claimable(task, self.clock.now()):
            return await self._not_claimed(task)
        if task.cut_off and invocation.is_late:
            return _return_later(delivery)  # its turn would be interrupted again
        # checked before taking a place and a slot, which a task that must wait for the model would block
        if await self._must_wait(task):
            result = await self.outcomes.postpone(task, self.pacing.seconds_to_wait(task))
            return DONE if isinstance(result, Written) else await self._refused(result.current, delivery)
        with invocation.place(task.project_id) as has_place:
            if not has_place:
                return _return_later(delivery)
            return await self._begin(task, delivery, invocation)

    async def _begin(self, task: Task, delivery: Delivery, invocation: Invocation) -> Requeue | None:
        """Claim and execute a task. Only a few large tasks are read at a time; the others wait before the
        claim, which starts a task's run clock."""
        async with AsyncExitStack() as beginning:
            if _may_be_large(task):
                await beginning.enter_async_context(self._beginning.held_for(task.project_id))
                # checked again: tasks that went first have used memory since
                if self._lacks_memory():
                    return _return_later(delivery)
            # before the claim, which stores the slot. After a crash in between the task still owns the slot
            # and finds it when its message returns; if the message is lost, the sweep of the line announces
            # the task
            admission = await self.run(self.slots.enter, task)
            if admission is None:
                return DONE  # in line; it gets a new message with its slot
            begun = _StartedRun(beginning.aclose)
            return await self._claim_and_work(task, admission, delivery, invocation, begun)

    def _lacks_memory(self) -> bool:
        """Whether there is too little for another task. The only one is executed whatever it takes."""
        return bool(self.heartbeat.held) and self.intake.process_load.lacks_memory()

    async def _must_wait(self, task: Task) -> bool:
        """Whether the pace allows its model no call now. Asked before the claim, which would be wasted. A
        task that can fall back to another model is claimed and does so."""
        if task.status is not Status.PENDING or not self.pacing.limits(task):
            return False
        # cached for the life of the process, so repeated waits cause no reads
        agent = await self.run(self.loop.revisions.of, task)
        if not isinstance(agent, Failure) and agent.on_overload:
            return False
        return not await self.pacing.admit(task)

    async def _claim_and_work(
        self,
        task: Task,
        admission: Admission,
        delivery: Delivery,
        invocation: Invocation,
        begun: "_StartedRun",
    ) -> Requeue | None:
        # before the claim: a worker may hold tasks only under a valid lease
        worker_id = await self.heartbeat.worker_id()
        claim = replace(self._claim(task, worker_id, delivery.message_id), slot=admission.slot)
        try:
            # from here on the claim may have taken effect, even without a response
            result = await self._write(claim, task.ref)
            if isinstance(result, Refused):
                # only after the refusal: until then the slot may belong to a successful claim
                await self.run(self.slots.give_up, task, admission, result.current)
                return await self._refused(result.current, delivery)
            shutdown = claim.now + int((invocation.time_left() - SHUTDOWN_MARGIN_SECONDS) * 1000)
            until = min(result.task.deadline, shutdown)
            is_ours = partial(self.heartbeat.is_ours, worker_id)
            held = LeasedTask(delivery, result.task, until, is_ours, is_late=invocation.is_late)
            async with self.heartbeat.holding(held):
                return await self._work(held, invocation.time_left, begun)
        except BaseException:
            # the claim may hold the task although no work continues: its response may be lost, or its outcome
            # unwritten. Without this the task would stay held for the life of this process
            self.heartbeat.disown(worker_id, claim.claim_id)
            raise

    def _claim(self, task: Task, worker_id: str, message_id: str) -> Claim:
        """The claim for the task; from its dead worker if it is running."""
        now = self.clock.now()
        # random, so that the store and the worker recognize a claim whose response was lost
        claim_id = self.entropy.bytes(8).hex()
        if task.status is not Status.RUNNING:
            clocks = clocks_of_start(task, now)
            due_at = due_after_start(task, clocks)
            return Claim(claim_id, now, worker_id, task.fence, message_id, due_at=due_at, clocks=clocks)
        # due soon, because this worker's lease lists the task only from its next renewal on
        due_at = due_after_take_over(now, task.deadline)
        return Claim(claim_id, now, worker_id, task.fence, message_id, task.held_by, due_at)

    async def _write(self, claim: Claim, ref: TaskRef) -> Written | Refused:
        """Claim the task. It raises the fence: of concurrent claims one succeeds, and an earlier holder's
        writes are refused."""
        result = await self.run(self.store.claim, ref, claim)
        task = result.current if isinstance(result, Refused) else None
        # claimed or ended by another process, so a retry cannot succeed
        if task is None or task.status is not Status.PENDING or task.fence != claim.fence:
            return result
        # its due time was moved since it was read, by joining a line or by the sweeper
        due_at = due_after_start(task, claim.clocks)
        return await self.run(self.store.claim, ref, replace(claim, due_at=due_at))

    async def _refused(self, task: Task | None, delivery: Delivery) -> Requeue | None:
        """What to do with the message if the claim was refused."""
        if task is None:
            return DONE
        if task.status is Status.RUNNING and not task.is_expired(self.clock.now()):
            # claimed a moment ago, so the lease need not be read
            return self._held_elsewhere(task, delivery, self.clock.now() + self.lease_seconds * 1000)
        return await self._not_claimed(task)

    def _held_elsewhere(self, task: Task, delivery: Delivery, held_until: int) -> Requeue | None:
        """A living worker holds the task. Its own message returns to check again; a duplicate is deleted."""
        if task.message_id not in (None, delivery.message_id):
            return DONE
        # the message is dead-lettered after twenty receives; with delays growing by a lease each, these span
        # more than the 15 minutes that the worker can live
        often = max(0, delivery.receive_count - FEW_RECEIVES)
        return Requeue(_seconds_until(held_until, self.clock.now()) + often * self.lease_seconds)

    async def _not_claimed(self, task: Task) -> Requeue | None:
        """What to do with the message of a task that cannot be claimed and that no worker holds."""
        now = self.clock.now()
        match next_action(task, now):
            case NextAction.NOTHING:
                return await self._after_its_end(task, now)
            case NextAction.EXPIRE:
                # safe with concurrent attempts: the write requires a live task past its deadline
                await self.run(self.finalizer.time_out, task)
            case NextAction.WAKE:
                # if it is not ready, the last awaited task wakes it with a new message
                await self.run(self.finalizer.wake_if_ready, task)
            case NextAction.FAIL_LOST:
                # the last worker's lease is broken by now (_handle); guarded by the fence, because another
                # worker may have claimed the task
                await self.run(self.finalizer.fail, task, worker_lost(task), guard_of_loss(task.fence))
            case NextAction.WAIT_FOR_START | NextAction.START | NextAction.TAKE_OVER:
                # a task that waits for the model has a delayed message, so this one is a duplicate
                if not task.throttled_calls or claimable(task, now):
                    return Requeue(_seconds_until(task.not_before, now))
        return DONE

    async def _after_its_end(self, task: Task, now: int) -> Requeue | None:
        """Do what follows an end, in case the process that ended the task crashed before it."""
        # a task that awaits others is announced before its end, so that this runs even if the process that
        # ended it dies
        await self.run(self.finalizer.cancel_children, task, task.awaits)
        if await self.run(self.holders.lease, task) is not None:
            return DONE  # its worker is alive and frees the slots
        # only after its worker has ended: its tools may still run, and would overlap with the next task's
        await self.run(self.slots.leave, task, ended=True)
        return await self._count_ended(task, now)

    async def _count_ended(self, task: Task, now: int) -> Requeue | None:
        """Count the usage that its worker may have crashed before counting, once that worker is certainly
        done."""
        day = self.outcomes.day
        if day.owes(task):
            age = now - (task.completed_at or now)
            # the writer of the end counts right after it; counting here too early would count twice
            if age < self.lease_seconds * 1000:
                return Requeue(_seconds_until(now + self.lease_seconds * 1000 - age, now))
            return DONE if await self.run(day.settle, task) else Requeue(COUNT_AGAIN_SECONDS)
        return DONE

    async def _extend_visibility(self, delivery: Delivery) -> None:
        """Make the message invisible for the length of a lease: if this process dies, both expire and the
        next claim succeeds. Before the claim, so that no crash in between leaves the message invisible for
        hours."""
        try:
            await self.run(self.queue.change_visibility, [delivery], self.lease_seconds)
        except QueueUnavailable as error:
            # not required: the lease alone keeps other workers away, and if this process dies before the next
            # heartbeat, the sweeper announces the task
            self.telemetry.problem(
                "visibility timeout not changed", reason=str(error), message_id=delivery.message_id
            )

    async def _work(
        self, held: LeasedTask, time_left: Callable[[], float], begun: "_StartedRun"
    ) -> Requeue | None:
        task, now = held.task, self.clock.now()
        if task.fence == 1:
            self.telemetry.milliseconds("QueueWaitMs", now - max(task.created_at, task.not_before))
        else:  # the report of its end covers a task's first claim
            self.telemetry.event("task running", task, attempt=task.attempt)
        then = StopCause.DEADLINE if held.until == task.deadline else StopCause.SHUTDOWN
        # stops slightly after the deadline, so that the wall clock has passed it as well
        margin_ms = 2 if then is StopCause.DEADLINE else 0
        seconds = max(0, held.until - now + margin_ms) / 1000
        try:
            result = await held.supervise(self._run(held, time_left, begun), self.clock, seconds, then)
            return await self.outcomes.conclude(self._snapshot(held, begun), result)
        except Exception as error:
            return await self._interrupted(held, begun, error)
        finally:
            if begun.work is not None:
                await self.run(begun.work.toolbox.close)

    async def _interrupted(self, held: LeasedTask, begun: "_StartedRun", error: Exception) -> Requeue | None:
        """What follows when work ends in an error: an interruption, an error of the model or a dependency, or
        a bug."""
        snapshot = self._snapshot(held, begun)
        match error:
            case Stopped():
                return await self.outcomes.stop(snapshot, error.why)
            case ModelBusy():
                return await self._busy(snapshot, begun, error)
            case ModelRejected():
                return await self.outcomes.fail(snapshot, Failure(error.code, error.reason))
            case RequestRefused():
                return await self.outcomes.fail(snapshot, not_shown(error))
            case PayloadCorrupt():
                return await self.outcomes.fail(snapshot, Failure(FailureCode.EXECUTION_ERROR, str(error)))
            case StoreUnavailable() | PayloadUnavailable():
                failure = Failure(FailureCode.EXECUTION_ERROR, str(error))
                return await self.outcomes.retry_after_outage(snapshot, failure)
        self.telemetry.problem("execution failed", held.task, error=error)
        reason = f"The worker met an unexpected error ({type(error).__name__})."
        return await self.outcomes.retry(snapshot, Failure(FailureCode.EXECUTION_ERROR, reason))

    async def _busy(self, snapshot: RunSnapshot, begun: "_StartedRun", busy: ModelBusy) -> Requeue | None:
        """The model accepted no call: the task waits or retries."""
        failure = Failure(FailureCode.MODEL_OVERLOADED, busy.reason)
        overload = None
        if busy.overloaded and begun.work is not None:
            overload = await self.loop.overload(begun.work)
        if not busy.throttled:
            return await self.outcomes.retry(
                snapshot, failure, retry_after=busy.retry_after, overload=overload
            )
        seconds = self.pacing.seconds_to_wait(snapshot.task, busy.retry_after)
        return await self.outcomes.wait_for_model(
            snapshot, failure, seconds, overload, was_called=busy.was_called
        )

    async def _run(self, held: LeasedTask, time_left: Callable[[], float], begun: "_StartedRun") -> RunResult:
        begun.work = await self.loop.begin(held)
        # its texts are now part of the measured memory, so the next large task may start
        await begun.is_read()
        following = asyncio.ensure_future(self.live.follow(begun.work))
        try:
            return await self.loop.run_turns(begun.work, time_left)
        finally:
            # awaited, so that no text is published while the outcome is written
            await cancel(following)

    def _snapshot(self, held: LeasedTask, begun: "_StartedRun") -> RunSnapshot:
        """State of the run now, including an interrupted turn."""
        return RunSnapshot(held, held.task.spent) if begun.work is None else self.loop.snapshot(begun.work)


@dataclass
class _StartedRun:
    """The run, once its checkpoints are read, and the callback for that moment."""

    is_read: Callable[[], Awaitable[None]]
    work: TaskRun | None = None


def _may_be_large(task: Task) -> bool:
    """Whether more than one short text is read before the model is called."""
    return task.input.inline is None or task.context is not None or task.fence > 0


def _return_later(delivery: Delivery) -> Requeue:
    """Return the message for another worker, after a growing delay since the queue limits the number of
    receives."""
    return Requeue(backoff(delivery.receive_count - 1, 1, LONGEST_RETURN_SECONDS))


def _seconds_until(moment: int, now: int) -> int:
    """Whole seconds, at least one."""
    return max(1, whole_seconds(moment - now))
