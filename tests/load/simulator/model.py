"""A stand-in for Claude with the durations of turns given in the message, and with phases of overload."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.ports.model import Draft, ModelBusy, ModelReply, ModelRequest
from tests.load.simulator.kernel import Kernel
from tests.twins.model import Asked

REFUSED_SECONDS, BEGUN_SECONDS = 0.3, 1.5
"""Until a call is rejected, or an answer begins."""
BILL = Bill((ModelCall(1_000, 200),), turns=1)


def work(number: int, *seconds: float) -> str:
    """The message of a task with turns of these durations."""
    return f"{number}: {' '.join(f'{each:g}' for each in seconds)}"


@dataclass(frozen=True)
class Overload:
    """From ``since`` to ``until`` (seconds since the beginning) this share of calls is rejected."""

    since: float
    until: float
    share: float = 1.0
    code: int = 529
    retry_after: float | None = None


@dataclass
class LoadModel:
    """``Model``. ``called`` counts calls by second, ``bought`` finished turns by message and number."""

    kernel: Kernel
    random: Random
    overloads: list[Overload] = field(default_factory=list)
    called: Counter[int] = field(default_factory=Counter)
    bought: Counter[tuple[str, int]] = field(default_factory=Counter)
    cut_off: int = 0
    under_way: int = 0

    async def turn(self, request: ModelRequest, draft: Draft) -> ModelReply:
        now = self.kernel.time
        self.called[int(now)] += 1
        for overload in self.overloads:
            if overload.since <= now < overload.until and self.random.random() < overload.share:
                await asyncio.sleep(REFUSED_SECONDS)
                raise ModelBusy(
                    f"HTTP {overload.code}",
                    overload.retry_after,
                    overloaded=overload.code == 529,
                    throttled=True,
                )
        draft.begun.set()
        asked = Asked(request, None)
        number, turns = asked.turns, _turns(asked.message)
        self.under_way += 1
        try:
            seconds = turns[min(number, len(turns) - 1)]
            await asyncio.sleep(min(BEGUN_SECONDS, seconds))
            draft.begun.set()
            await asyncio.sleep(max(0.0, seconds - BEGUN_SECONDS))
        except asyncio.CancelledError:
            self.cut_off += 1
            raise
        finally:
            self.under_way -= 1
        self.bought[asked.message, number] += 1
        is_last = number + 1 >= len(turns)
        text = [{"type": "text", "text": "Done."}]
        return ModelReply(text, "Done.", "end_turn" if is_last else "pause_turn", BILL)

    @property
    def bought_twice(self) -> int:
        """Finished turns that had been finished before."""
        return sum(times - 1 for times in self.bought.values())


def _turns(message: str) -> list[float]:
    return [float(each) for each in message.partition(":")[2].split()]
