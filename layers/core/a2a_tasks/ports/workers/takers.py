"""The list of workers that take direct messages."""

from typing import Protocol

from a2a_tasks.domain.taker import Taker


class Takers(Protocol):
    """All methods raise ``StoreUnavailable``."""

    def put(self, taker: Taker) -> None:
        """Add or update a worker's entry."""
        ...

    def leave(self, taker_id: str) -> None:
        """Remove a worker's entry. Idempotent."""
        ...

    def listed(self, limit: int) -> list[Taker]:
        """Up to ``limit`` workers, always the same ones if there are more, including expired entries
        (eventually consistent)."""
        ...
