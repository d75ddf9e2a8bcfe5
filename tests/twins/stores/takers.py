"""The list of takers in memory."""

from a2a_tasks.domain.taker import Taker


class MemoryTakers:
    """``Takers``."""

    def __init__(self) -> None:
        self.rows: dict[str, Taker] = {}

    def put(self, taker: Taker) -> None:
        self.rows[taker.taker_id] = taker

    def leave(self, taker_id: str) -> None:
        self.rows.pop(taker_id, None)

    def listed(self, limit: int) -> list[Taker]:
        return [self.rows[taker_id] for taker_id in sorted(self.rows)[:limit]]
