"""Finds out what became of a batch whose creation got no response, without ever creating it twice.

The API does not list the requests of its batches, so a batch there is identified only by its results, once
it has ended: they carry the requests' ids. Until then any batch is waited for that was created at about
the right time, has as many requests, and belongs to no other recorded batch. If there is none for longer
than the calling process can have lived, the creation never happened.
"""

from contextlib import aclosing
from dataclasses import dataclass, replace

from a2a_tasks.batches.creation import BatchCreation
from a2a_tasks.ports.batches import (
    Batch,
    BatchStore,
    MessageBatches,
    RemoteBatch,
    RemoteStatus,
)
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.telemetry import Telemetry

LEAVE_ALONE_MS = 120_000
"""Longest duration of the call itself: more than ``CREATE_SECONDS``."""
NEVER_HAPPENED_MS = 300_000
"""Longer than a run can last (the function's timeout), so that the calling process is dead."""
MARGIN_MS = 300_000
"""Assumed maximum skew between the API's clock and ours."""


@dataclass(frozen=True)
class BatchRecovery:
    """Recovers batches. Raises ``StoreUnavailable``, ``PayloadUnavailable``, ``ModelBusy`` and
    ``ModelRejected``."""

    batches: BatchStore
    api: MessageBatches
    creation: BatchCreation
    telemetry: Telemetry
    run: RunBlocking

    async def recover(self, batch: Batch, run_id: str, now: int) -> None:
        """Handle a batch without the API's id."""
        if not batch.tried_at:
            await self.creation.create_again(batch, run_id)
            return
        if now - batch.tried_at < LEAVE_ALONE_MS:
            return
        listed = await self.api.created_between(
            batch.tried_at - MARGIN_MS, batch.tried_at + NEVER_HAPPENED_MS + MARGIN_MS
        )
        foreign, is_waiting = batch.foreign, False
        for found in listed:
            if found.count != batch.count or found.api_id in batch.foreign:
                continue
            owner = await self.run(self.batches.owner, found.api_id)
            has_ended = found.status is RemoteStatus.ENDED
            # assigned already: a run died between the two writes of ``adopt``
            if owner == batch.batch_id or (owner is None and has_ended and await self._is_ours(batch, found)):
                await self.creation.adopt(replace(batch, run_id=run_id), found.api_id)
                self.telemetry.count("BatchesRecovered")
                return
            if owner is not None or has_ended:
                foreign |= {found.api_id}
            else:
                is_waiting = True
        await self._create_if_missing(replace(batch, foreign=foreign, run_id=run_id), batch, now, is_waiting)

    async def _create_if_missing(self, changed: Batch, batch: Batch, now: int, is_waiting: bool) -> None:
        """What follows if no batch at the API is known to be this one. ``changed`` contains what was
        learned."""
        if changed.foreign != batch.foreign:
            # what was found out costs a call for each batch; written down, the next run need not ask again
            written = await self.run(self.batches.update, changed)
            if written is None:
                return  # another run is at it
            changed = written
        if is_waiting:
            self.telemetry.event("batch creation may still be in progress", batch_id=batch.batch_id)
        elif now - batch.tried_at >= NEVER_HAPPENED_MS:
            self.telemetry.event("batch was never created", batch_id=batch.batch_id)
            await self.creation.create_again(changed, changed.run_id)

    async def _is_ours(self, batch: Batch, found: RemoteBatch) -> bool:
        """Whether its first result belongs to one of our tasks."""
        members = batch.of(await self.run(self.batches.members, batch.root_id))
        async with aclosing(self.api.results(found.api_id)) as results:
            async for result in results:
                return any(member.task_id == result.task_id for member in members)
        return False
