"""A lock that is shared fairly among tenants, however many tasks of one tenant wait for it."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class FairLock:
    """Held by ``places`` tasks of the event loop at a time. Those who wait take turns by their keys, and
    those of one key in the order in which they came: with ``n`` other keys waiting, a key's first waits for
    at most ``n`` turns and those that are under way, however many wait for each."""

    places: int = 1
    _waiting: OrderedDict[str, deque[asyncio.Future[None]]] = field(default_factory=OrderedDict)
    _held: int = 0

    @asynccontextmanager
    async def held_for(self, key: str) -> AsyncIterator[None]:
        """Hold it for the length of the block."""
        await self._acquire(key)
        try:
            yield
        finally:
            self._pass_on()

    async def _acquire(self, key: str) -> None:
        if self._held < self.places:
            self._held += 1
            return
        turn = asyncio.get_running_loop().create_future()
        # queued behind earlier waiters of the same key; a new key is queued behind the other keys
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the lock was assigned, but the waiter was cancelled before it resumed
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            key, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[key] = turns  # the key moves behind the others
            # skips waiters that were cancelled
            if not turn.done():
                turn.set_result(None)
                return
        self._held -= 1
