"""The list of workers that take tasks directly."""

from typing import Protocol

from a2a_tasks.domain.taker import Taker


class Takers(Protocol):
    """All methods raise ``StoreUnavailable``."""

    def put(self, taker: Taker) -> None:
        """Put a worker on the list, or say how it is now."""
        ...

    def leave(self, taker_id: str) -> None:
        """Take a worker off the list. Idempotent."""
        ...

    def listed(self, limit: int) -> list[Taker]:
        """Up to ``limit`` workers, always the same ones if there are more; also those whose entry is out of
        date. It may be a second behind."""
        ...
