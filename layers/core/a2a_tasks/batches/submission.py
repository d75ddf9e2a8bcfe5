"""Submits waiting tasks in batches of one project each, with the projects in turn.

Order of the writes: all tasks are claimed with the batch's id; the batch is recorded with its tasks; it is
created at the API with a single call; the API's id is recorded. A crash before the second step leaves
claims of an unrecorded batch, which are released once the batch can no longer be recorded. A crash after
it leaves a batch for ``BatchRecovery``.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.batches.budget import BatchBudget
from a2a_tasks.batches.collection import COLLECT_SECONDS, BatchCollection, BatchDraft
from a2a_tasks.batches.creation import CREATE_SECONDS, BatchCreation, CreationResult
from a2a_tasks.batches.tasks import BatchTasks, ParallelSteps
from a2a_tasks.domain import ids
from a2a_tasks.ports.batches import IDLE_MS, Batch, BatchStore, QueuedProject, QueuedTask
from a2a_tasks.ports.clock import Entropy
from a2a_tasks.ports.errors import StoreUnavailable

MAX_REQUESTS = 10_000
"""Well below the API's 100,000, so that a run can process a batch in its time."""
WAIT_MS = 60_000
"""How long the first waiting task waits for others."""
ENOUGH = 100
"""With this many waiting tasks a batch is made at once. Also the limit for a project whose last batch was
not accepted."""
AT_ONCE = 4
"""Batches made in parallel; each is held in memory."""
REFUSALS = 4
"""After this many consecutive batches without success, of any project, a run makes no more."""
SUBMISSION_SECONDS = COLLECT_SECONDS + CREATE_SECONDS + 15
"""With less time left no batch is begun, so that a run that creates a batch can record its id."""


@dataclass
class RoundRobin:
    """The projects still to be served in a run, and its results so far."""

    run_id: str
    time_left: Callable[[], float]
    projects: deque[QueuedProject] = field(default_factory=deque)
    submitted: int = 0
    errors: int = 0
    refusals: int = 0

    def next(self) -> QueuedProject | None:
        """The next project, while there is time and the API accepts batches."""
        if not self.projects or self.refusals >= REFUSALS or self.time_left() < SUBMISSION_SECONDS:
            return None
        return self.projects.popleft()

    def finish_turn(self, project: QueuedProject, creation: CreationResult) -> None:
        """Record the result of a project's turn."""
        if creation is CreationResult.CREATED:
            self.submitted, self.refusals = self.submitted + 1, 0
            self.projects.append(project)  # there may be more in its line
        elif creation is not CreationResult.REFUSED:
            self.refusals += 1


@dataclass(frozen=True)
class BatchSubmission:
    """Submits batches. Raises ``StoreUnavailable``. ``run_id`` is unique per run."""

    batches: BatchStore
    tasks: BatchTasks
    collection: BatchCollection
    creation: BatchCreation
    budgets: DailyBudgets
    parallel: ParallelSteps
    entropy: Entropy

    async def submit(self, run_id: str, time_left: Callable[[], float]) -> RoundRobin:
        """Serve the projects with waiting tasks repeatedly, while there is time."""
        run = self.parallel.run
        listed = await run(self.batches.projects)
        are_ready = await asyncio.gather(*(run(self._is_ready, project) for project in listed))
        ready = [project for project, is_ready in zip(listed, are_ready, strict=True) if is_ready]
        # starts at a random project, so that a run that ends early does not always skip the same ones
        begin = int(self.entropy.fraction() * len(ready))
        round_robin = RoundRobin(
            run_id, time_left, deque(ready[begin:] + ready[:begin]), errors=are_ready.count(None)
        )
        await asyncio.gather(*(self._take_turns(round_robin) for _ in range(AT_ONCE)))
        return round_robin

    def _is_ready(self, project: QueuedProject) -> bool | None:
        """Whether a project should get a turn; None if unknown."""
        now = self.tasks.now()
        try:
            first = self.batches.waiting(project.project_id, now, ENOUGH)
            if not first and now - project.seen_at >= IDLE_MS and self.batches.is_empty(project.project_id):
                self.batches.forget(project)
        except StoreUnavailable as error:
            # unknown whether it has tasks to submit, so it is skipped in this run
            self._problem(project, reason=str(error))
            return None
        return project.paused_until <= now and _are_enough(first, now)

    async def _take_turns(self, round_robin: RoundRobin) -> None:
        while project := round_robin.next():
            try:
                creation = await self._take_turn(project.project_id, round_robin.run_id)
            except StoreUnavailable as error:
                round_robin.errors += 1
                self._problem(project, reason=str(error))
            except Exception as error:
                # an unexpected error must not affect the other projects
                round_robin.errors += 1
                self._problem(project, error=error)
            else:
                if creation is not None:
                    round_robin.finish_turn(project, creation)

    async def _take_turn(self, project_id: str, run_id: str) -> CreationResult | None:
        """Make one batch of a project's tasks, if there are still enough."""
        run, now = self.parallel.run, self.tasks.now()
        project = await run(self.batches.project, project_id)
        budget = await run(BatchBudget.of, project_id, self.budgets, self.batches)
        if project.paused_until > now or budget.must_wait:
            return None
        limit = ENOUGH if project.refusals else MAX_REQUESTS
        entries = await run(self.batches.waiting, project_id, now, limit)
        if not _are_enough(entries, now):
            return None  # another run has taken the tasks
        draft = BatchDraft(ids.task_id(now, self.entropy.bytes(10)), project_id, budget)
        await self.collection.fill(draft, entries, run_id)
        if not draft.members:
            return None
        members, batch_id = tuple(draft.members), draft.batch_id
        batch = Batch(batch_id, run_id, self.tasks.now(), len(members), project_id, reserved=budget.taken)
        # recorded before the API creates it: after a crash the record shows that it may exist there
        if not await run(self.batches.begin, batch, members):
            return None  # another run presumed this one dead, and releases the tasks
        # a single call, never retried here; after a lost response the recovery finds out whether the batch
        # exists
        creation = await self.creation.create(batch, members, draft.requests)
        if creation is CreationResult.CREATED and project.refusals:
            await run(self.batches.pause, project_id, 0, 0)
        # removed last: after a crash the next run removes entries of tasks that are members of a batch
        await self.parallel.each(self.batches.drop, draft.entries, "task not removed from the batch line")
        return creation

    def _problem(
        self, project: QueuedProject, *, reason: str | None = None, error: Exception | None = None
    ) -> None:
        self.tasks.telemetry.problem(
            "project's tasks not submitted", project_id=project.project_id, reason=reason, error=error
        )


def _are_enough(entries: Sequence[QueuedTask], now: int) -> bool:
    """Whether the entries make a batch: there are enough, or the first has waited long enough."""
    return len(entries) >= ENOUGH or any(entry.since <= now - WAIT_MS for entry in entries[:1])
