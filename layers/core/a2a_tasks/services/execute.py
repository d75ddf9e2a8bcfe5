"""The worker: claim a task, let the model answer, write the end down once."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain import retry
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.task import (
    Payload,
    Status,
    Task,
    due_after_release,
    guard_of_completion,
    guard_of_loss,
    guard_of_worker,
    lost,
)
from a2a_tasks.domain.usage import Price, Usage
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.faults import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.model import Model, ModelBusy, ModelRejected, ModelReply
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore
from a2a_tasks.ports.queue import Delivery, DeliveryHandler
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import Claim, Refused, TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.services import payload
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.lease import Held, LeaseKeeper, RunBlocking, Stop, Stopped
from a2a_tasks.services.turn import COMPLETE_STOPS, failure_of, to_request

SHUTDOWN_MARGIN_SECONDS = 20
"""Lambda time kept back for writing down what happened."""
UNREADABLE_SECONDS = 30
"""How long a message waits whose task could not be claimed because the store did not answer."""
SAVE_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses between the tries to write an end down, beyond the SDK's own; the last one repeats."""


@dataclass(frozen=True)
class Returned:
    """The message goes back to the queue, hidden for so long; None leaves its visibility alone."""

    seconds: int | None


DONE = None
"""The message has served its purpose and is deleted."""


@dataclass(frozen=True)
class Executor:
    """Executes deliveries, up to a batch at a time. ``prices`` are by model id."""

    store: TaskStore
    registry: AgentReader
    payloads: PayloadStore
    queue: DeliveryHandler
    model: Model
    ending: Ending
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    prices: Mapping[str, Price]
    lease_seconds: int
    run: RunBlocking = field(default=asyncio.to_thread)

    async def execute(self, deliveries: list[Delivery], time_left: Callable[[], float]) -> list[str]:
        """Work on all deliveries at once, each alone; the ids of messages that must stay in the queue.

        ``time_left`` is the seconds that this invocation still has. A finished task's message is deleted at
        once, so that a crash of the others brings only theirs back. Never raises for a single task.
        """
        keeper = LeaseKeeper(self.store, self.queue, self.clock, self.telemetry, self.run, self.lease_seconds)
        beating = asyncio.ensure_future(keeper.keep_beating())
        try:
            kept = await asyncio.gather(*(self._deliver(d, keeper, time_left) for d in deliveries))
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        return [d.message_id for d, keep in zip(deliveries, kept, strict=True) if keep]

    async def _deliver(self, delivery: Delivery, keeper: LeaseKeeper, time_left: Callable[[], float]) -> bool:
        """Handle one message to its end; whether it must stay in the queue."""
        try:
            returned = await self._handle(delivery, keeper, time_left)
        except StoreUnavailable as error:
            self.telemetry.problem("task not reached", reason=str(error), message_id=delivery.message_id)
            returned = Returned(UNREADABLE_SECONDS)
        except Exception as error:
            # whatever went wrong here must not take the other tasks of this invocation with it
            self.telemetry.problem("delivery failed", error=error, message_id=delivery.message_id)
            returned = Returned(UNREADABLE_SECONDS)
        try:
            if returned is DONE:
                await self.run(self.queue.delete, delivery)
            elif returned.seconds is not None:
                await self.run(self.queue.hide, [delivery], returned.seconds)
        except QueueUnavailable as error:
            self.telemetry.problem("message not settled", reason=str(error), message_id=delivery.message_id)
        self.telemetry.flush()
        return returned is not DONE

    async def _handle(
        self, delivery: Delivery, keeper: LeaseKeeper, time_left: Callable[[], float]
    ) -> Returned | None:
        if delivery.ref is None:
            self.telemetry.problem("message names no task", message_id=delivery.message_id)
            return Returned(0)  # back at once, until the dead-letter queue takes it
        await self._hide(delivery)
        now = self.clock.now()
        claim = Claim(self.entropy.bytes(8).hex(), now, now + self.lease_seconds * 1000)
        result = await self.run(self.store.claim, delivery.ref, claim)
        if isinstance(result, Refused):
            return await self._not_claimed(result.current)
        shutdown = now + int((time_left() - SHUTDOWN_MARGIN_SECONDS) * 1000)
        held = Held(delivery, result.task, claim.lease_until, min(result.task.deadline, shutdown))
        async with keeper.holding(held):
            return await self._work(held)

    async def _not_claimed(self, task: Task | None) -> Returned | None:
        """What a message means whose task cannot be taken now."""
        now = self.clock.now()
        if task is None or task.is_terminal or task.status is Status.INPUT_REQUIRED:
            return DONE
        if task.is_expired(now):
            await self.run(self.ending.time_out, task)
            return DONE
        if task.lease_is_alive(now):
            return Returned(_seconds_until(task.lease_until or now, now))
        if task.status is Status.RUNNING and task.attempts_are_used_up():
            await self.run(self.ending.fail, task, lost(task), guard_of_loss(task.fence, now))
            return DONE
        return Returned(_seconds_until(task.not_before, now))

    async def _hide(self, delivery: Delivery) -> None:
        """Tie the message to the lease: if this process dies, both run out and the next claim wins.

        Before the claim, so that no death between the two leaves the message hidden for hours.
        """
        try:
            await self.run(self.queue.hide, [delivery], self.lease_seconds)
        except QueueUnavailable as error:
            self.telemetry.problem("message not hidden", reason=str(error), message_id=delivery.message_id)

    async def _work(self, held: Held) -> Returned | None:
        task = held.task
        if task.attempt == 1:
            self.telemetry.milliseconds(
                "QueueWaitMs", self.clock.now() - max(task.created_at, task.not_before)
            )
        self.telemetry.event("task running", task, attempt=task.attempt)
        then = Stop.DEADLINE if held.until == task.deadline else Stop.SHUTDOWN
        # at a deadline a hair late, so that the wall clock agrees that it has passed
        hair = 2 if then is Stop.DEADLINE else 0
        seconds = max(0, held.until - self.clock.now() + hair) / 1000
        try:
            reply = await held.supervise(self._answer(task), self.clock, seconds, then)
            return await self._end(held, reply)
        except Stopped as stopped:
            return await self._stopped(held, stopped.why)
        except ModelBusy as busy:
            return await self._retry(
                held, FailureCode.MODEL_OVERLOADED, busy.reason, retry_after=busy.retry_after, used=busy.used
            )
        except ModelRejected as rejected:
            return await self._fail(held, Failure(rejected.code, rejected.reason))
        except PayloadCorrupt as error:
            return await self._fail(held, Failure(FailureCode.EXECUTION_ERROR, str(error)))
        except (StoreUnavailable, PayloadUnavailable) as error:
            return await self._retry(held, FailureCode.EXECUTION_ERROR, str(error))
        except Exception as error:
            self.telemetry.problem("execution failed", task, error=error)
            reason = f"The worker met an unexpected error ({type(error).__name__})."
            return await self._retry(held, FailureCode.EXECUTION_ERROR, reason)

    async def _answer(self, task: Task) -> ModelReply:
        agent = await self.run(self.registry.revision, task.ref.agent_id, task.agent_revision)
        if agent is None:
            raise ModelRejected(
                FailureCode.AGENT_MISCONFIGURED,
                f"Revision {task.agent_revision} of the agent, which this task was created for, is gone.",
            )
        document = await self.run(payload.load, self.payloads, task.input)
        return await self.model.turn(to_request(agent, task.model, document))

    async def _end(self, held: Held, reply: ModelReply) -> Returned | None:
        """Write down what the model's answer means for the task."""
        task = held.task
        used = reply.usage.priced(self.prices.get(task.model))
        self._count_usage(used)
        total = task.usage + used
        if reply.stop_reason in COMPLETE_STOPS:
            output = await self._save_output(held, {"result": reply.text})
            result = await self._insist(
                held,
                lambda: self.ending.complete(
                    task,
                    output,
                    total,
                    guard_of_completion(task.fence, self.clock.now()),
                    finish_id=task.claim_id,
                ),
            )
            if isinstance(result, Refused) and result.current and result.current.is_expired(self.clock.now()):
                result = await self._insist(
                    held, lambda: self.ending.time_out(task, total, finish_id=task.claim_id)
                )
            return self._written(result)
        partial = (
            await self._save_output(held, {"result": reply.text, "partial": True}) if reply.text else None
        )
        return await self._fail(held, failure_of(reply), used=total, output=partial)

    async def _save_output(self, held: Held, document: Mapping[str, Any]) -> Payload:
        # named after the fence: a stale worker's late upload cannot replace the winner's
        name, task_id = f"output-{held.task.fence}", held.task.ref.task_id
        return await self._insist(held, lambda: payload.save(self.payloads, task_id, name, document))

    async def _fail(
        self, held: Held, failure: Failure, *, used: Usage | None = None, output: Payload | None = None
    ) -> Returned | None:
        guard = guard_of_worker(held.task.fence)
        result = await self._insist(
            held,
            lambda: self.ending.fail(
                held.task, failure, guard, usage=used, output=output, finish_id=held.task.claim_id
            ),
        )
        return self._written(result)

    async def _retry(
        self,
        held: Held,
        code: FailureCode,
        reason: str,
        *,
        retry_after: float | None = None,
        used: Usage | None = None,
    ) -> Returned | None:
        """Give the task back for another attempt, or fail it if none can follow before its deadline."""
        task = held.task
        broken = (used or Usage()).priced(self.prices.get(task.model))
        self._count_usage(broken)
        billed = task.usage + broken
        if task.attempts_are_used_up():
            message = f"{reason} (Attempt {task.attempt} of {task.max_attempts}, the last.)"
            return await self._fail(held, Failure(code, message), used=billed)
        now = self.clock.now()
        seconds = retry.delay_seconds(task.attempt, retry_after, self.entropy.fraction())
        not_before = now + seconds * 1000
        if not_before >= task.deadline:
            message = f"{reason} (The next try, in {seconds} s, would come after the task's deadline.)"
            return await self._fail(held, Failure(code, message), used=billed)
        due_at = due_after_release(not_before, task.deadline)
        result = await self._insist(
            held, lambda: self.store.release(task.ref, task.fence, now, not_before, due_at, billed)
        )
        if isinstance(result, Refused):
            return self._written(result)
        self.telemetry.count("TaskRetries")
        self.telemetry.event("task waits for another attempt", task, reason=reason, seconds=seconds)
        return Returned(seconds)

    async def _stopped(self, held: Held, why: Stop) -> Returned | None:
        self.telemetry.event("work stopped", held.task, why=why)
        match why:
            case Stop.ENDED:
                return DONE
            case Stop.LOST:
                return Returned(None)
            case Stop.DEADLINE:
                task = held.task
                result = await self._insist(held, lambda: self.ending.time_out(task, finish_id=task.claim_id))
                return self._written(result)
            case Stop.SHUTDOWN:
                reason = "The turn did not finish within the worker's running time."
                return await self._retry(held, FailureCode.EXECUTION_ERROR, reason)

    async def _insist[T](self, held: Held, write: Callable[[], T]) -> T:
        """Write, and try again where the store does not answer: a few times at least, and for as long as the
        work may last, since an answer that was bought is worth waiting for. Raises the last error."""
        pauses = 0
        while True:
            try:
                return await self.run(write)
            except (StoreUnavailable, PayloadUnavailable):
                if pauses >= len(SAVE_DELAYS) and self.clock.now() >= held.until:
                    raise
            await self.clock.sleep(SAVE_DELAYS[min(pauses, len(SAVE_DELAYS) - 1)])
            pauses += 1

    def _written(self, result: Written | Refused) -> Returned | None:
        """A refused final write means that somebody else ended the task, or holds it and will."""
        if isinstance(result, Refused) and result.current and not result.current.is_terminal:
            return Returned(None)
        return DONE

    def _count_usage(self, used: Usage) -> None:
        self.telemetry.count(
            "InputTokens", used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
        )
        self.telemetry.count("OutputTokens", used.output_tokens)
        if used.cost_usd is not None:
            self.telemetry.count("CostUsd", float(used.cost_usd))


def _seconds_until(moment: int, now: int) -> int:
    """Whole seconds, at least one, rounded up, so that the message is not back too early."""
    return max(1, -(-(moment - now) // 1000))
