"""Creates recorded batches at the API, and handles those that it does not create.

If the API accepts no batch now, the tasks are released and their project backs off. If it rejects the
content, the batch is split in two repeatedly, until rejected parts have a single task, which fails. If the
result is unknown, ``BatchRecovery`` finds out.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import batched

from a2a_tasks.batches.requests import BatchRequests
from a2a_tasks.batches.tasks import AT_A_TIME, BatchTasks, ParallelSteps
from a2a_tasks.domain.backoff import backoff
from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.usage import Usage, released
from a2a_tasks.ports.batches import (
    Batch,
    BatchMember,
    BatchStore,
    CreationUnknown,
    MessageBatches,
    NotAccepted,
)
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelRejected

CREATE_SECONDS = 90
"""Limit of the one call that creates a batch, of up to 32 MB (``MAX_BYTES``)."""
BUSY_SECONDS = 60.0
"""Backoff of a project whose batch was not accepted; doubles with each consecutive refusal."""
LONGEST_BUSY_SECONDS = 300.0
LONGEST_ASKED_SECONDS = 900.0
"""Upper limit of a ``retry-after`` that is honored."""


class CreationResult(Enum):
    """Result of a creation."""

    CREATED = auto()
    NOT_ACCEPTED = auto()
    REFUSED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class BatchCreation:
    """Creates batches. Raises ``StoreUnavailable``."""

    batches: BatchStore
    api: MessageBatches
    tasks: BatchTasks
    requests: BatchRequests
    parallel: ParallelSteps

    async def create(
        self, batch: Batch, members: Sequence[BatchMember], requests: list[bytes]
    ) -> CreationResult:
        """Create a batch at the API; ``members`` are those with requests."""
        telemetry, batch_id = self.tasks.telemetry, batch.batch_id
        try:
            async with asyncio.timeout(CREATE_SECONDS):
                api_id = await self.api.create(requests)
        except NotAccepted as refused:
            await self._postpone(batch, members, refused)
            return CreationResult.NOT_ACCEPTED
        except ModelRejected as refused:
            await self._refused(batch, members, refused)
            return CreationResult.REFUSED
        except (CreationUnknown, TimeoutError) as error:
            # its tasks stay claimed: given back, they might be bought twice
            telemetry.count("BatchesNotAccepted", code="UNKNOWN")
            reason = str(error) or "no answer in time"
            telemetry.problem("batch may have been created", batch_id=batch_id, reason=reason)
            await self._pause(batch, None)
            return CreationResult.UNKNOWN
        telemetry.count("BatchesSubmitted")
        telemetry.count("BatchTasksSubmitted", len(members))
        await self.adopt(batch, api_id)
        return CreationResult.CREATED

    async def adopt(self, batch: Batch, api_id: str) -> None:
        """Record which batch at the API is this one. The assignment is written first, so that no other
        batch can take it."""
        if not await self._run(self.batches.assign, api_id, batch.batch_id, self.tasks.now()):
            self.tasks.telemetry.problem(
                "batch at the API belongs to another record", batch_id=batch.batch_id, api_id=api_id
            )
            return
        await self._run(self.batches.update, replace(batch, api_id=api_id))
        self.tasks.telemetry.event(
            "batch submitted", batch_id=batch.batch_id, api_id=api_id, requests=batch.count
        )

    async def create_again(self, batch: Batch, run_id: str) -> None:
        """Create a batch whose creation never happened, with those of its tasks that still wait for it."""
        members = batch.of(await self._run(self.batches.members, batch.root_id))
        held: list[BatchMember] = []
        requests: list[bytes] = []
        reserved = Usage()
        for group in batched(members, AT_A_TIME, strict=False):
            found = await asyncio.gather(*(self._run(self._request_again, member) for member in group))
            for member, request in zip(group, found, strict=True):
                if request is not None:
                    held.append(member)
                    requests.append(request[0])
                    reserved += request[1]
        if not held:
            await self._run(self.batches.close, batch)
            return
        again = batch.retried(run_id, self.tasks.now(), len(held), reserved)
        # under the version read, so that one run creates it again; tried_at is set before the call
        written = await self._run(self.batches.update, again)
        if written is not None:  # else another run does it
            await self.create(written, held, requests)

    async def _postpone(self, batch: Batch, members: Sequence[BatchMember], refused: NotAccepted) -> None:
        telemetry = self.tasks.telemetry
        telemetry.count("BatchesNotAccepted", code="OPERATOR" if refused.needs_operator else "BUSY")
        telemetry.problem(
            "batch not accepted",
            batch_id=batch.batch_id,
            project_id=batch.project_id,
            reason=refused.reason,
            needs_operator=refused.needs_operator,
        )
        # before its tasks are back in line, or the next run would try them again at once
        again = await self._pause(batch, refused.retry_after)
        await self._end(batch, members, lambda task: self._give_back(task, again))

    async def _pause(self, batch: Batch, retry_after: float | None) -> int:
        """Suspend the batch's project; returns until when."""
        project = await self._run(self.batches.project, batch.project_id)
        until = self.tasks.now() + int(pause_seconds(project.refusals, retry_after) * 1000)
        await self._run(self.batches.pause, batch.project_id, project.refusals + 1, until)
        return until

    async def _refused(self, batch: Batch, members: Sequence[BatchMember], refused: ModelRejected) -> None:
        telemetry = self.tasks.telemetry
        telemetry.count("BatchesRefused")
        telemetry.problem(
            "batch refused",
            batch_id=batch.batch_id,
            project_id=batch.project_id,
            requests=len(members),
            reason=refused.reason,
        )
        if len(members) == 1:
            failure = Failure(refused.code, refused.reason)
            await self._end(batch, members, lambda task: self.tasks.fail(task, failure))
            return
        everyone = batch.of(await self._run(self.batches.members, batch.root_id))
        middle = everyone.index(members[len(members) // 2])  # no more than a half of those refused in either
        await self._run(self.batches.split, batch, batch.parts(middle, batch.run_id), self.tasks.now())

    async def _end(
        self, batch: Batch, members: Sequence[BatchMember], step: Callable[[Task], object]
    ) -> None:
        """Release the tasks of a batch that does not exist, and delete its record. After an error this is
        repeated as for a lost response."""

        def give_back(member: BatchMember) -> None:
            task = self.tasks.held(member)
            if task is not None:
                step(task)

        # the record goes last: it leads to those whose store did not respond
        if await self.parallel.all_done(give_back, members, "task of an uncreated batch not released"):
            await self._run(self.batches.close, batch)

    def _request_again(self, member: BatchMember) -> tuple[bytes, Usage] | None:
        task = self.tasks.held(member)
        # the sweeper fails it: its answer would come too late
        if task is None or task.is_expired(self.tasks.now()):
            return None
        try:
            request = self.requests.of(task)
        except (StoreUnavailable, PayloadUnavailable):
            raise
        except Exception as error:
            # in line it has its tries, and holds nobody up
            self.tasks.telemetry.problem("batch request not prepared", task, error=error)
            self._give_back(task, self.tasks.now())
            return None
        if isinstance(request, Failure):
            self.tasks.fail(task, request)
            return None
        return request

    def _give_back(self, task: Task, not_before: int) -> None:
        """Does not count as an attempt; only the task's time limits these."""
        self.tasks.give_back(task, not_before, spent=released(task.spent), keeps_attempt=True)

    async def _run[**P, T](self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.parallel.run(call, *args, **kwargs)


def pause_seconds(refusals: int, retry_after: float | None) -> float:
    """Backoff in seconds after so many consecutive refusals."""
    grown = backoff(refusals, BUSY_SECONDS, LONGEST_BUSY_SECONDS)
    return max(grown, min(retry_after or 0.0, LONGEST_ASKED_SECONDS))
