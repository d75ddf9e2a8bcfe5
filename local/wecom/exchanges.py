"""People's actions, and those still in progress."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from local.wecom.errors import ControlError
from local.wecom.exchange import Exchange, Outcome
from local.wecom.record import Record


class Exchanges:
    """Exchanges by id, in order; each is executed by a task of its own."""

    def __init__(self) -> None:
        self._exchanges: dict[str, Exchange] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def add(self, exchange: Exchange) -> None:
        """Add one that is not executed (yet)."""
        self._exchanges[exchange.id] = exchange

    def start(self, exchange: Exchange, work: Coroutine[Any, Any, None], record: Record) -> None:
        """Execute one. If the double itself fails, that is recorded as a violation."""
        self.add(exchange)
        self._tasks[exchange.id] = asyncio.create_task(_guard(exchange, work, record))

    def find(self, exchange_id: str) -> Exchange:
        """Raises ControlError."""
        if (exchange := self._exchanges.get(exchange_id)) is None:
            raise ControlError(404, f"there is no exchange {exchange_id}")
        return exchange

    async def ended(self, exchange_id: str, seconds: float) -> Exchange:
        """An exchange once it has ended, or after this many seconds of real time. Raises ControlError."""
        exchange = self.find(exchange_id)
        if exchange_id in self._tasks and seconds:
            await asyncio.wait([self._tasks[exchange_id]], timeout=seconds)
        return exchange

    def all(self) -> list[Exchange]:
        return list(self._exchanges.values())

    def open_messages(self, user: str) -> int:
        """How many of a person's messages to the bot are not completely answered."""
        return sum(
            (exchange.kind, exchange.user, exchange.outcome) == ("message", user, Outcome.OPEN)
            for exchange in self._exchanges.values()
        )

    def clear(self) -> None:
        """Forget all, and cancel those in progress."""
        for task in self._tasks.values():
            task.cancel()
        self._exchanges.clear()
        self._tasks.clear()


async def _guard(exchange: Exchange, work: Coroutine[Any, Any, None], record: Record) -> None:
    try:
        await work
    except Exception as error:
        record.violate("the double itself", repr(error))
        exchange.outcome = Outcome.WRONG
        raise
