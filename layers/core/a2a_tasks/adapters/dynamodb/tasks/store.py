"""The task store on DynamoDB. The docstring of each conditional write says what its condition protects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.store import Item
from a2a_tasks.adapters.dynamodb.tasks import task_items, task_values
from a2a_tasks.adapters.dynamodb.tasks.queries import DynamoDBTaskQueries
from a2a_tasks.adapters.dynamodb.tasks.update import TaskUpdate, maybe
from a2a_tasks.adapters.dynamodb.update import ItemUpdate, when
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.history import events
from a2a_tasks.domain.record_keys import call_key
from a2a_tasks.domain.schedule import GRANT_MS, due_after_release
from a2a_tasks.domain.task import LIVE, Outcome, Payload, Slot, Status, Task, TaskRef
from a2a_tasks.domain.usage import Spent, Usage, bill
from a2a_tasks.ports.tasks import Advance, Claim, InputRequest, Postponement, Refused, Release, Written

DELETE_BATCH = 25
"""Limit of BatchWriteItem."""


@dataclass(frozen=True)
class DynamoDBTaskStore(DynamoDBTaskQueries):
    """``TaskStore``."""

    def create(self, task: Task) -> bool:
        """Protects an existing task of this id: this one, from a call whose response was lost or from a
        repeated request."""
        item = task_items.to_item(task)
        if self.kept_ms:
            item["ttl"] = task_items.kept_until(task.ref.task_id, self.kept_ms)
        is_made, there = self._put(item, when("attribute_not_exists(pk)"))
        # the very same task, of the same request and moment: by this call, whose response was lost
        return is_made or (bool(there) and task_items.from_item(there) == task)

    def claim(self, ref: TaskRef, claim: Claim) -> Written | Refused:
        """Protects exclusive execution: only a waiting task can be claimed, or one of a dead worker, with
        attempts and time left."""
        dead = {} if claim.taken_from is None else {"dead": claim.taken_from}
        update = (
            TaskUpdate()
            .set(
                status=Status.RUNNING.value,
                claimId=claim.claim_id,
                heldBy=claim.held_by,
                updatedAt=claim.now,
                messageId=claim.message_id,
                dueAt=claim.due_at,
                spent=maybe(task_values.spent_value, claim.spent),
                counted=maybe(task_values.counted_value, claim.counted),
            )
            .set_or_remove(slot=maybe(task_values.slot_value, claim.slot))
            .assign("startedAt = if_not_exists(startedAt, :updatedAt)")
            .add(attempt=1, fence=1)
            # the task has begun: it no longer counts as waiting, and earlier dead letters no longer count
            .remove("pendingAgent", "undelivered", "cutOff")
            .add_event(events.claimed(claim.now))
            # past its deadline the task has failed for its callers, even if that is not written yet
            .in_time(claim.now)
            # the fence must be the one seen: another claim has raised it, and slots are valid for one claim
            # only
            .when("attempt < maxAttempts AND fence = :seen", seen=claim.fence)
            .when(
                "#status = :pending AND notBefore <= :now AND attribute_not_exists(awaits)",
                # a running task may only be taken from the worker that was found dead, whose lease is broken
                "#status = :status AND " + ("heldBy = :dead" if dead else "attribute_not_exists(heldBy)"),
                pending=Status.PENDING.value,
                **dead,
            )
        )
        if claim.clocks is not None:
            update = update.set(until=claim.clocks.deadline, queueLeftMs=claim.clocks.left_ms)
            update = update.remove("pausedMs")
            if claim.due_at is None:
                # a sweep may have moved the due time since the task was read. Beyond the deadline set by this
                # claim the sweeper would check the task too late.
                update = update.when("dueAt <= :until")
        # refused by its own claim: an earlier attempt succeeded, and its response was lost
        return self._change(ref, update, lambda task: task.claim_id == claim.claim_id)

    def grant(
        self, ref: TaskRef, fence: int, now: int, slot: Slot | None, due_at: int | None
    ) -> Written | Refused:
        """Protects a task that no longer waits, or was just granted another slot: the rule of
        ``grantable``."""
        # the same slot again: the response was lost, or the giver died before it passed the slot on
        is_same = ["slot.#number = :number"] if slot else []
        update = (
            TaskUpdate()
            .waiting_under(fence)
            .set(slot=maybe(task_values.slot_value, slot), dueAt=due_at)
            .in_time(now)
            .when("attempt < maxAttempts AND notBefore <= :now AND attribute_not_exists(awaits)")
            .when(
                # a slot of an earlier claim, or granted so long ago that the giver is presumed dead
                *("attribute_not_exists(slot)", "slot.fence < :fence", "slot.#at <= :late", *is_same),
                late=now - GRANT_MS,
                **({"number": slot.number} if slot else {}),
            )
        )
        return self._change(ref, update)

    def withdraw(self, ref: TaskRef, slot: Slot) -> None:
        """Protects a slot that the task was granted since, and a claim."""
        # compares the whole slot including its time, because the same number may have been granted again
        granted = {"pending": Status.PENDING.value, "slot": task_values.slot_value(slot)}
        self._change(ref, ItemUpdate().remove("slot").when("#status = :pending AND slot = :slot", **granted))

    def advance(self, ref: TaskRef, fence: int, advance: Advance) -> Written | Refused:
        """Protects the work of a later worker: only the holder of the task may report progress. The event
        is written at an index, because a repeated write is not refused and must not add it twice."""
        update = TaskUpdate().held_under(fence).add_event(advance.event)
        update = update.set(
            updatedAt=advance.now,
            spent=maybe(task_values.spent_value, advance.spent),
            counted=maybe(task_values.counted_value, advance.counted),
            turns=advance.turns,
            progress=maybe(task_values.progress_value, advance.progress),
            artifacts=maybe(task_values.artifacts_value, advance.artifacts),
        )
        return self._change(ref, update)

    def release(self, ref: TaskRef, fence: int, release: Release) -> Written | Refused:
        """Protects the work of a later worker: only the holder of the task may release it."""
        overload = release.overload
        update = TaskUpdate().held_under(fence).add_event(release.event).stop_run_clock(release.clocks)
        update = update.set(
            status=Status.PENDING.value,
            notBefore=release.not_before,
            dueAt=release.due_at,
            updatedAt=release.now,
            spent=task_values.spent_value(release.spent),
            counted=maybe(task_values.counted_value, release.counted),
            awaits=task_values.refs_value(release.awaits) or None,
            model=overload and overload.model,
            cutOff=release.cut_off or None,
        )
        update = update.set_or_remove(
            heldBy=None,
            overloads=overload and overload.count,
            turnedAway=release.throttled_calls or None,
        )
        if release.keeps_attempt:
            # lowers only the attempt: the fence must never fall, or a stale worker could write again
            update = update.add(attempt=-1)
        # pending under the fence of its claim: only this release can have done that
        return self._change(ref, update, _is_already(Status.PENDING, fence))

    def postpone(self, ref: TaskRef, fence: int, postponement: Postponement) -> Written | Refused:
        """Protects a claim; and if the task has two messages, only the first one moves it."""
        update = TaskUpdate().waiting_under(fence).in_time(postponement.now)
        update = (
            update.stop_run_clock(postponement.clocks)
            .remove("slot")
            .set(
                notBefore=postponement.not_before,
                dueAt=postponement.due_at,
                turnedAway=postponement.throttled_calls,
                updatedAt=postponement.now,
            )
        )
        # the first of two messages has postponed it, so the second has no effect
        update = update.when("notBefore <= :now AND attribute_not_exists(awaits)")
        # postponed at this very moment: by this call, whose response was lost, and which sends the message
        return self._change(ref, update, lambda task: _is_postponed(task, fence, postponement))

    def request_input(self, ref: TaskRef, fence: int, request: InputRequest) -> Written | Refused:
        """Protects the work of a later worker: only the holder of the task may ask its caller."""
        update = TaskUpdate().held_under(fence).add_event(events.asked(request.now)).remove("heldBy")
        update = update.set(
            status=Status.INPUT_REQUIRED.value,
            question=task_values.question_value(request.question),
            until=request.deadline,
            dueAt=request.deadline,
            pausedMs=request.left_ms,
            updatedAt=request.now,
            counted=maybe(task_values.counted_value, request.counted),
        )
        # the next claim, which continues with the answer, is the same attempt
        return self._change(ref, update.add(attempt=-1), _is_already(Status.INPUT_REQUIRED, fence))

    def resume(self, ref: TaskRef, call_id: str, now: int) -> Written | Refused:
        """Protects a later question, and the end: the answer must be for the question that is open."""
        # read first, because expressions cannot compute the new deadline; the condition protects the value
        # read
        current = self.get(ref)
        if current is None or current.paused_ms is None:
            return Refused(current)
        deadline = now + current.paused_ms
        answer = {"answer": [call_key(current.turns, call_id)], "none": []}
        update = (
            TaskUpdate()
            .in_time(now)
            .set(status=Status.PENDING.value, until=deadline, dueAt=due_after_release(now, deadline))
            .set(updatedAt=now)
            .assign("answered = list_append(if_not_exists(answered, :none), :answer)", **answer)
            .remove("question", "pausedMs")
            .when(
                "#status = :asked AND question.callId = :call",
                asked=Status.INPUT_REQUIRED.value,
                call=call_id,
            )
            .when("pausedMs = :left", left=current.paused_ms)
            .add_event(events.answered(now))
        )
        # answered at this very moment: by this call, whose response was lost, and which sends the message
        return self._change(ref, update, lambda task: _is_resumed(task, current, call_id, now))

    def wake(self, ref: TaskRef, fence: int, now: int) -> Written | Refused:
        """Protects a task that has continued meanwhile: it must still wait under the same fence."""
        # the fence: a task that waits again, for other tasks, was claimed in between
        update = TaskUpdate().waiting_under(fence).set(updatedAt=now).remove("awaits")
        update = update.when("attribute_exists(awaits)")
        # woken at exactly this time: probably by an earlier attempt of this call. If it was another process,
        # the task gets a second, harmless message; without one it would wait for the sweeper for minutes.
        return self._change(ref, update, lambda task: _is_woken(task, fence, now))

    def enable_live(self, ref: TaskRef) -> Written | Refused:
        """Protects the end: an ended task has no more text to publish."""
        return self._change(ref, TaskUpdate().in_one_of(LIVE).set(live=True))

    def finish(self, ref: TaskRef, outcome: Outcome, guard: Guard) -> Written | Refused:
        """Protects the terminal state: the first end wins, and a stale worker writes nothing."""
        update = TaskUpdate().guarded(guard).add_event(events.ended(outcome))
        # removed from the indexes by the same write: an ended task is never due, and sweeps are billed by
        # what is due
        update = update.remove("dueShard", "dueAt", "question", "pendingAgent")
        update = update.set(
            status=outcome.status.value,
            completedAt=outcome.at,
            updatedAt=outcome.at,
            finishId=outcome.finish_id,
            endedAs=task_items.ended_value(outcome),
            ttl=outcome.retain_until // 1000,
            output=maybe(task_values.payload_value, outcome.output),
            failure=maybe(task_values.failure_value, outcome.failure),
            spent=maybe(task_values.spent_value, outcome.spent),
        )
        # otherwise it stays: the holder may not have noticed, and is notified through its lease
        if guard.by_holder:
            update = update.remove("heldBy")
        used = bill(outcome.seen if outcome.spent is None else outcome.spent)
        update = update.set(used=task_values.used_value(used) or None)
        # refused by its own end: an earlier attempt succeeded, and its response was lost
        result = self._change(ref, update, lambda task: task.finish_id == outcome.finish_id)
        if isinstance(result, Written) and bill(result.task.spent) != used:
            # the worker has saved a turn since the task was read; only reports use this value
            now_used = task_values.used_value(bill(result.task.spent))
            self._change(ref, ItemUpdate().set(used=now_used))
        return result

    def add_partial_output(
        self, ref: TaskRef, fence: int, output: Payload | None, spent: tuple[Spent, ...]
    ) -> Written | Refused:
        """Protects the end, and the output of a later worker: takes effect once, under the same fence."""
        update = TaskUpdate().in_one_of({Status.CANCELED, Status.FAILED}).remove("heldBy")
        update = update.set(
            spent=task_values.spent_value(spent),
            output=maybe(task_values.payload_value, output),
            used=task_values.used_value(bill(spent)) or None,
        )
        # this write removes the holder, so a second one is refused
        update = update.when("fence = :fence AND attribute_exists(heldBy)", fence=fence)
        return self._change(ref, update.when("attribute_not_exists(#output)"))

    def note_counted(self, ref: TaskRef, seen: Usage | None, counted: Usage) -> bool:
        """Protects what another process has counted meanwhile (compare-and-set). The SDK's repetition is
        refused too, and cannot be told from another's count."""
        update = TaskUpdate().set(counted=task_values.counted_value(counted))
        return self._is_changed(ref, update.if_still("counted", maybe(task_values.counted_value, seen)))

    def enable_notifications(self, ref: TaskRef) -> bool:
        """Protects against creating an item for a deleted task."""
        return self._is_changed(ref, ItemUpdate().set(notify=True))

    def reschedule(self, ref: TaskRef, seen_due_at: int, due_at: int) -> bool:
        """Protects against two sweeps that act on one index entry: the due time must be the one seen. And
        against a claim in between: no task may be due after its deadline. The SDK's repetition is refused
        too, and nobody acts before the new due time."""
        update = ItemUpdate().set(dueAt=due_at)
        return self._is_changed(ref, update.when("dueAt = :seen AND #until >= :dueAt", seen=seen_due_at))

    def note_undelivered(
        self, ref: TaskRef, fence: int, seen: Undelivered | None, undelivered: Undelivered, due_at: int
    ) -> bool:
        """Protects what has happened since: a claim, an end, or another dead letter, which is recorded
        once. The SDK's repetition is refused too, and the message is left to the sweeper."""
        update = TaskUpdate().in_one_of({Status.PENDING, Status.RUNNING}).when("fence = :fence", fence=fence)
        update = update.set(undelivered=task_values.undelivered_value(undelivered), dueAt=due_at)
        as_seen = maybe(task_values.undelivered_value, seen)
        return self._is_changed(ref, update.if_still("undelivered", as_seen))

    def expire(self, ref: TaskRef, at: int) -> None:
        """Protects a live task, and an earlier time. The table's TTL is later than clean-up, which needs
        the item to find what the task owns."""
        update = ItemUpdate().set(
            expireShard=task_items.retention_shard(ref.task_id),
            expireAt=at,
            ttl=at // 1000 + task_items.TTL_GRACE_SECONDS,
        )
        # "endedAs" exists only after the end, so a live task never enters the clean-up index
        update = update.when("attribute_exists(endedAs)")
        self._change(ref, update.when("attribute_not_exists(expireAt)", "expireAt > :expireAt"))

    def delete(self, ref: TaskRef) -> None:
        """What the task owns goes first, so that a crash leaves the item that leads to it."""
        self.delete_owned(ref.task_id)
        self._delete(task_items.key(ref))

    def delete_owned(self, task_id: str) -> None:
        for partition in (task_items.owned_partition(task_id), task_items.partition(task_id)):
            while keys := self._keys(partition):
                # no condition: the task no longer exists, and the next query finds items left unprocessed
                requests: list[Any] = [{"DeleteRequest": {"Key": to_attributes(key)}} for key in keys]
                self._call(self.client.batch_write_item, RequestItems={self.table: requests})

    def _keys(self, partition: str) -> list[Item]:
        """The next batch of keys, without the task's own item, including those that an earlier batch left
        unprocessed."""
        options = {"ProjectionExpression": "pk, sk", "ConsistentRead": True, "Limit": DELETE_BATCH + 1}
        keys, _ = self._query("pk = :pk", {"pk": partition}, **options)
        return [key for key in keys if not key["sk"].startswith(task_items.TASK_PREFIX)][:DELETE_BATCH]

    def _change(
        self, ref: TaskRef, update: ItemUpdate, is_done: Callable[[Task], bool] = lambda _: False
    ) -> Written | Refused:
        """One conditional update. A refusal counts as written if ``is_done`` says so of the task as it is:
        an earlier call, whose response was lost, has done the same."""
        # without the condition an update of a missing item would create one
        is_made, item = self._update(task_items.key(ref), update.when("attribute_exists(pk)"), "ALL_NEW")
        task = task_items.from_item(item) if item else None
        # a refused write returns the current item
        return Written(task) if task and (is_made or is_done(task)) else Refused(task)

    def _is_changed(self, ref: TaskRef, update: ItemUpdate) -> bool:
        return isinstance(self._change(ref, update), Written)


def _is_woken(task: Task, fence: int, at: int) -> bool:
    return _is_already(Status.PENDING, fence)(task) and not task.awaits and task.updated_at == at


def _is_postponed(task: Task, fence: int, postponement: Postponement) -> bool:
    is_moved = (task.not_before, task.updated_at) == (postponement.not_before, postponement.now)
    return is_moved and _is_already(Status.PENDING, fence)(task)


def _is_resumed(task: Task, asking: Task, call_id: str, at: int) -> bool:
    is_answered = call_key(asking.turns, call_id) in task.answered and task.updated_at == at
    return is_answered and _is_already(Status.PENDING, asking.fence)(task)


def _is_already(status: Status, fence: int) -> Callable[[Task], bool]:
    return lambda task: task.status is status and task.fence == fence
