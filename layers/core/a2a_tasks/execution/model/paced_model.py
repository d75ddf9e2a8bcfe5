"""A model whose calls are limited to the pace of all workers together."""

import asyncio
from dataclasses import dataclass, field

from a2a_tasks.execution.model.pacing import Pacing
from a2a_tasks.execution.process.futures import cancel
from a2a_tasks.ports.model import Draft, Model, ModelBusy, ModelReply, ModelRequest

NOT_NOW = "The model has too many calls; this one waits for its turn."


@dataclass(frozen=True)
class PacedModel:
    """``Model`` that raises ``ModelBusy`` without a call if the pace does not allow one."""

    model: Model
    pacing: Pacing
    _reporting: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False)

    async def turn(self, request: ModelRequest, draft: Draft) -> ModelReply:
        """Generate one turn, if the pace allows a call now."""
        name = request.prompt.model
        if not await self.pacing.may_call(name):
            overloaded = self.pacing.is_overloaded(name)
            # no call was made, so this is no attempt and nothing was billed
            raise ModelBusy(NOT_NOW, overloaded=overloaded, throttled=True, was_called=False)
        # from here on the service may bill the call, even if this process dies
        draft.is_called = True
        begun_at = self.pacing.clock.now()
        reporting = asyncio.ensure_future(self._report(name, begun_at, draft))
        try:
            reply = await self.model.turn(request, draft)
        except BaseException as error:
            await cancel(reporting)
            if isinstance(error, ModelBusy) and error.throttled:
                # with the call's start time: a pace set since then already accounts for it
                await self.pacing.report_throttled(name, begun_at, error)
            raise
        # not awaited: the table may be slow, and an interruption meanwhile would lose a finished turn
        draft.begun.set()
        self._reporting.add(reporting)
        reporting.add_done_callback(self._reporting.discard)
        return reply

    async def _report(self, name: str, begun_at: int, draft: Draft) -> None:
        """Report success when the response begins, because it may take minutes to end."""
        await draft.begun.wait()
        await self.pacing.report_success(name, begun_at)
