"""The batcher: half the price for those who can wait. One run does what there is to do, as far as it gets.

Runs may overlap, and die at any moment: everything they do is conditional or can be repeated, and what must
not be repeated, creating a batch at the API, is written down first.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from a2a_tasks.ports.batches import BatchStore
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.faults import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.services.batch_recovery import BatchRecovery
from a2a_tasks.services.batch_results import BatchResults
from a2a_tasks.services.batch_submission import COLLECT_SECONDS, CREATE_SECONDS, BatchSubmission
from a2a_tasks.services.lease import RunBlocking

SUBMISSION_SECONDS = COLLECT_SECONDS + CREATE_SECONDS + 15
"""With less time no batch is begun: the one that creates a batch should live to write down its id."""


@dataclass
class BatchReport:
    """What one run found and did."""

    open: int = 0
    submitted: int = 0
    errors: int = 0
    finished: bool = True


@dataclass(frozen=True)
class Batcher:
    """Follows open batches, recovers those whose creation was not answered, submits new ones."""

    batches: BatchStore
    results: BatchResults
    recovery: BatchRecovery
    submission: BatchSubmission
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    run: RunBlocking

    async def work(self, time_left: Callable[[], float]) -> BatchReport:
        """One run. ``time_left`` is its seconds; one batch in error stops no other."""
        report, run_id = BatchReport(), self.entropy.bytes(8).hex()
        try:
            await self._follow(run_id, time_left, report)
            await self._submit(run_id, time_left, report)
        except StoreUnavailable as error:
            report.errors += 1
            self.telemetry.problem("batches not seen to", reason=str(error))
        self.telemetry.count("BatchRuns")
        return report

    async def _follow(self, run_id: str, time_left: Callable[[], float], report: BatchReport) -> None:
        batches = await self.run(self.batches.open_batches)
        report.open = len(batches)
        # results first, and what creates batches last
        for batch in sorted(batches, key=lambda batch: (batch.api_id is None, batch.tried_at)):
            if batch.api_id is not None:
                step = self.results.follow(batch, run_id, time_left)
            elif time_left() >= SUBMISSION_SECONDS:
                step = self.recovery.recover(batch, run_id, self.clock.now())
            else:
                report.finished = False
                continue
            await self._attempt(step, report, batch.batch_id)

    async def _submit(self, run_id: str, time_left: Callable[[], float], report: BatchReport) -> None:
        while time_left() >= SUBMISSION_SECONDS:
            if not await self.submission.submit_next(run_id):
                return
            report.submitted += 1
        report.finished = False

    async def _attempt(self, step: Awaitable[None], report: BatchReport, batch_id: str) -> None:
        try:
            await step
        except (StoreUnavailable, PayloadUnavailable, ModelBusy, ModelRejected) as error:
            report.errors += 1
            self.telemetry.problem("batch not seen to", batch_id=batch_id, reason=str(error))
        except Exception as error:
            report.errors += 1
            self.telemetry.problem("batch not seen to", batch_id=batch_id, error=error)
