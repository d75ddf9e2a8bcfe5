"""The batcher: half the price for tasks that can wait. One run does what it can in its time.

Runs may overlap and crash at any moment: everything is conditional or idempotent, and the one step that is
neither, creating a batch at the API, is recorded first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from a2a_tasks.batches.recovery import BatchRecovery
from a2a_tasks.batches.results import BatchResults
from a2a_tasks.batches.submission import SUBMISSION_SECONDS, BatchSubmission
from a2a_tasks.concurrency.pause_watch import PauseWatch
from a2a_tasks.ports.batches import Batch, BatchStore
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.ports.telemetry import Telemetry

FOLLOWED_AT_ONCE = 8
"""Batches followed in parallel; their results are streamed."""
CREATED_AT_ONCE = 4
"""Batches created again, or in parts, in parallel; each is held in memory."""
PARTS_AT_A_TIME = 8
"""Parts of rejected batches that a run tries per project, so that an API that rejects everything is not
called thousands of times a minute."""


type BatchStep = Callable[[Batch], Awaitable[None]]


@dataclass
class BatchReport:
    """What one run did."""

    open: int = 0
    submitted: int = 0
    errors: int = 0
    finished: bool = True


@dataclass(frozen=True)
class Batcher:
    """Follows open batches, recovers those with a lost response, submits new ones."""

    batches: BatchStore
    results: BatchResults
    recovery: BatchRecovery
    submission: BatchSubmission
    pause: PauseWatch
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    run: RunBlocking

    async def work(self, time_left: Callable[[], float]) -> BatchReport:
        """One run. ``time_left`` is in seconds. An error in one batch does not affect the others. During a
        pause it only records results, which are paid for."""
        # the id lets a run recognize its own writes after a lost response
        report, run_id = BatchReport(), self.entropy.bytes(8).hex()
        is_paused = await self.run(self.pause.is_on)
        work = [self._follow(run_id, time_left, report, creates=not is_paused)]
        if not is_paused:
            work.append(self._submit(run_id, time_left, report))
        await asyncio.gather(*(self._guarded(each, report) for each in work))
        self.telemetry.count("BatchRuns")
        return report

    async def _guarded(self, work: Awaitable[None], report: BatchReport) -> None:
        try:
            await work
        except StoreUnavailable as error:
            report.errors += 1
            self.telemetry.problem("batches not processed", reason=str(error))

    async def _follow(
        self, run_id: str, time_left: Callable[[], float], report: BatchReport, *, creates: bool
    ) -> None:
        batches = await self.run(self.batches.open_batches)
        report.open = len(batches)
        created = [batch for batch in batches if batch.api_id is not None]
        # starts at a random batch, so that a run that ends early does not always skip the same ones
        begin = int(self.entropy.fraction() * len(created))
        unknown = iter(_in_turn([batch for batch in batches if batch.api_id is None] if creates else []))
        known = iter(created[begin:] + created[:begin])

        def follow(batch: Batch) -> Awaitable[None]:
            return self.results.follow(batch, run_id, time_left)

        def recover(batch: Batch) -> Awaitable[None]:
            return self.recovery.recover(batch, run_id, self.clock.now())

        async def each(step: BatchStep, of: Iterator[Batch], least: float = 0.0) -> None:
            for batch in of:
                # a recovery may create a batch, whose id must be recorded before the run's time ends
                if time_left() < least:
                    report.finished = False
                    return
                await self._attempt(step(batch), report, batch.batch_id)

        await asyncio.gather(
            *(each(follow, known) for _ in range(FOLLOWED_AT_ONCE)),
            *(each(recover, unknown, SUBMISSION_SECONDS) for _ in range(CREATED_AT_ONCE)),
        )

    async def _submit(self, run_id: str, time_left: Callable[[], float], report: BatchReport) -> None:
        turns = await self.submission.submit(run_id, time_left)
        report.submitted, report.errors = turns.submitted, report.errors + turns.errors
        report.finished &= not turns.projects

    async def _attempt(self, step: Awaitable[None], report: BatchReport, batch_id: str) -> None:
        try:
            await step
        except (StoreUnavailable, PayloadUnavailable, ModelBusy, ModelRejected) as error:
            # open batches stay recorded, so the next run continues
            report.errors += 1
            self.telemetry.problem("batch not processed", batch_id=batch_id, reason=str(error))
        except Exception as error:
            report.errors += 1
            self.telemetry.problem("batch not processed", batch_id=batch_id, error=error)


def _in_turn(batches: Sequence[Batch]) -> list[Batch]:
    """Batches that may exist at the API first; then a few untried parts of each project."""
    tried = [batch for batch in batches if batch.tried_at]
    parts: dict[str, list[Batch]] = {}
    for batch in batches:
        if not batch.tried_at:
            parts.setdefault(batch.project_id, []).append(batch)
    rows = zip_longest(*(of[:PARTS_AT_A_TIME] for of in parts.values()))
    return tried + [batch for row in rows for batch in row if batch is not None]
