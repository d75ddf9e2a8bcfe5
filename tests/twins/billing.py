"""A model that keeps its own account of billed tokens, whether the caller learned of them or not."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from a2a_tasks.domain.pricing.bill import Bill
from a2a_tasks.ports.model import Draft, ModelBusy, ModelReply, ModelRequest
from tests.twins.model import ScriptedModel

PROMPT_TOKENS = 10


@dataclass
class BillingModel(ScriptedModel):
    """``billed`` are tokens by message. A turn that ends without a reply is billed for ``wasted`` of the
    longest reply that it was allowed; ``untold`` counts those with a bill that no caller received."""

    wasted: float = 1.0
    billed: Counter[str] = field(default_factory=Counter)
    untold: int = 0

    async def turn(self, request: ModelRequest, draft: Draft) -> ModelReply:
        try:
            reply = await super().turn(request, draft)
        except asyncio.CancelledError:
            self._waste(request)
            raise
        except ModelBusy as busy:
            if draft.usage_is_final:
                self.billed[self.asked[-1].message] += tokens(busy.used)
            elif busy.may_be_billed:
                self._waste(request)
            raise
        self.billed[self._message(request)] += tokens(reply.usage)
        return reply

    def _waste(self, request: ModelRequest) -> None:
        self.untold += 1
        self.billed[self._message(request)] += PROMPT_TOKENS + int(self.wasted * request.max_tokens)

    def _message(self, request: ModelRequest) -> str:
        return next(asked.message for asked in reversed(self.asked) if asked.request is request)


def tokens(bill: Bill) -> int:
    return sum(call.prompt_tokens + call.output_tokens for call in bill.calls)
