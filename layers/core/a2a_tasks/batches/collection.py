"""Collects a project's waiting tasks for a batch: prepares their requests and claims them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from a2a_tasks.batches import requests
from a2a_tasks.batches.budget import BatchBudget
from a2a_tasks.batches.poison_tasks import PoisonTasks, groups
from a2a_tasks.batches.requests import ENVELOPE_BYTES, BatchRequests
from a2a_tasks.batches.tasks import BatchTasks, ParallelSteps
from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.schedule import claimable, clocks_of_start, due_after_start
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.usage import Usage, released, reserve
from a2a_tasks.ports.batches import BatchMember, BatchStore, QueuedTask
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.queues import queued_since
from a2a_tasks.ports.tasks import Claim, Refused

COLLECT_SECONDS = 15
"""Time for one project's tasks before the next project's turn."""
ABANDONED_MS = 120_000
"""A claim without a batch for so long is that of a crashed run: longer than ``COLLECT_SECONDS``."""


@dataclass(frozen=True)
class PreparedTask:
    """A task ready for a batch."""

    entry: QueuedTask
    task: Task
    request: bytes
    """The serialized request."""
    most: Usage
    """Upper estimate of its usage."""

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.task.ref.task_id


@dataclass
class BatchDraft:
    """A batch in the making."""

    batch_id: str
    project_id: str
    budget: BatchBudget
    members: list[BatchMember] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    entries: list[QueuedTask] = field(default_factory=list)
    size: int = ENVELOPE_BYTES
    """Bytes of all requests that fit."""
    is_full: bool = False
    members_of: dict[str, frozenset[BatchMember] | None] = field(default_factory=dict)

    def has_room_for(self, prepared: PreparedTask) -> bool:
        """Reserve room for a task. False if it does not fit; it then stays in line."""
        size = self.size + len(prepared.request) + ENVELOPE_BYTES
        if size > requests.MAX_BYTES:
            self.is_full = True
        if self.is_full or self.budget.is_used_up:
            return False
        self.size = size
        # taken before the claim and not returned if it is refused: the batch may use less than the budget,
        # never more
        self.budget.take(prepared.most)
        return True

    def add(self, prepared: PreparedTask, member: BatchMember) -> None:
        """Add a claimed task."""
        self.members.append(member)
        self.requests.append(prepared.request)
        self.entries.append(prepared.entry)


@dataclass(frozen=True)
class BatchCollection:
    """Fills batches. Raises ``StoreUnavailable``."""

    batches: BatchStore
    tasks: BatchTasks
    requests: BatchRequests
    parallel: ParallelSteps

    @property
    def poison_tasks(self) -> PoisonTasks:
        """Tasks that could not be prepared before."""
        return PoisonTasks(self.batches, self.tasks)

    async def fill(self, draft: BatchDraft, entries: Sequence[QueuedTask], run_id: str) -> None:
        """Claim as many tasks as fit into a batch and into the project's budget."""
        run = self.parallel.run
        entries = await run(self.poison_tasks.screened, draft.project_id, entries, run_id)
        until = self.tasks.now() + COLLECT_SECONDS * 1000
        for group in groups(entries):
            if group[0].tries and draft.entries and not draft.entries[0].tries:
                break  # what is prepared is submitted before a poison task is tried
            if draft.is_full or draft.budget.must_wait or self.tasks.now() >= until:
                break
            now = self.tasks.now()
            # recorded first, so that if one of them crashes this process the next run knows which
            await run(self.batches.note_preparing, draft.project_id, run_id, now, group)
            await self._take(group, draft, run_id)
        await run(self.batches.end_preparing, draft.project_id, run_id)

    async def _take(self, group: Sequence[QueuedTask], draft: BatchDraft, run_id: str) -> None:
        found = await self.parallel.each(
            lambda entry: self._try_to_prepare(entry, draft, run_id), group, "task not read"
        )
        fitting = [prepared for prepared in found if prepared is not None and draft.has_room_for(prepared)]
        claims = await self.parallel.each(
            lambda prepared: self._claim(prepared, draft.batch_id), fitting, "task not claimed"
        )
        for prepared, member in zip(fitting, claims, strict=True):
            if member is not None:
                draft.add(prepared, member)

    def _try_to_prepare(self, entry: QueuedTask, draft: BatchDraft, run_id: str) -> PreparedTask | None:
        try:
            return self._prepare(entry, draft)
        except (StoreUnavailable, PayloadUnavailable):
            # an outage is not the task's fault and does not count as a try
            raise
        except Exception as error:
            # any other error is the task's: it is counted, so that the task cannot block the line forever
            self.poison_tasks.failed(entry, run_id, error)
            raise

    def _prepare(self, entry: QueuedTask, draft: BatchDraft) -> PreparedTask | None:
        task, now = self.tasks.store.get(entry.ref), self.tasks.now()
        if task is None or task.is_terminal:
            self.batches.drop(entry)
        elif task.is_expired(now):
            self.tasks.finalizer.time_out(task)
            self.batches.drop(entry)
        elif task.status is Status.RUNNING:
            self._look_after(entry, task, draft)
        elif entry.since != queued_since(task):
            # the new entry is added before the old one is removed: after a crash both exist, and the stale
            # one is detected here
            self.batches.enqueue(task, now)  # released meanwhile
            self.batches.drop(entry)
        elif claimable(task, now):
            request = self.requests.of(task)
            if not isinstance(request, Failure):
                encoded, most = request
                return PreparedTask(entry, task, encoded, most)
            guard = Guard(frozenset({Status.PENDING}), fence=task.fence)
            self.tasks.finalizer.fail(task, request, guard)
            self.batches.drop(entry)
        return None

    def _claim(self, prepared: PreparedTask, batch_id: str) -> BatchMember | None:
        task, now = prepared.task, self.tasks.now()
        clocks = clocks_of_start(task, now)
        # running tasks of this lane are never taken over, and end at their deadline the claim raises the
        # attempt
        spent = reserve(task.spent, task.attempt + 1, task.model, prepared.most)
        claim = Claim(
            batch_id,
            now=now,
            held_by=batch_id,
            fence=task.fence,
            due_at=due_after_start(task, clocks),
            clocks=clocks,
            spent=spent,
            counted=self.tasks.day.baseline(task, task.spent),
        )
        # refused if the task has ended, or was claimed, since it was read
        result = self.tasks.store.claim(task.ref, claim)
        return None if isinstance(result, Refused) else BatchMember(task.ref, result.task.fence)

    def _look_after(self, entry: QueuedTask, task: Task, draft: BatchDraft) -> None:
        """Handle an entry whose task is claimed: by a run at work, as a member of a batch, or by a crashed
        run."""
        # a run may still be at it
        if task.claim_id is None or self.tasks.now() - task.updated_at < ABANDONED_MS:
            return
        members_of = draft.members_of
        if task.claim_id not in members_of:
            members_of[task.claim_id] = self._members_of(task.project_id, task.claim_id)
        members = members_of[task.claim_id]
        if members is not None and BatchMember(task.ref, task.fence) in members:
            self.batches.drop(entry)
        else:
            # also where only the answer to its claim was lost, and the batch went without it
            spent = released(task.spent)
            self.tasks.give_back(task, self.tasks.now(), spent=spent, keeps_attempt=True)

    def _members_of(self, project_id: str, batch_id: str) -> frozenset[BatchMember] | None:
        """Members of a recorded batch. None if it was not recorded and never will be."""
        # first nobody may begin it any more: only then is it safe to give its tasks back
        if self.batches.abandon(project_id, batch_id, self.tasks.now()):
            return None
        return frozenset(self.batches.members(batch_id))
