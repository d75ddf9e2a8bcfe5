"""Which messages of a dead-letter queue a command is about."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from a2a_tasks.adapters.system import SystemClock
from a2actl.terminal.amount import counted
from a2actl.terminal.fault import Fault

if TYPE_CHECKING:
    from a2actl.dead_letters.queue import DeadMessage

LATEST_MS = 60_000
"""What was sent later than this after a command began has come since, and is left alone: a message that fails
again at once would be sent again for ever."""


@dataclass(frozen=True)
class Selection:
    """Which messages a command is about. Without ``ids`` all that were there when it began."""

    ids: frozenset[str]
    limit: int | None
    sent_before: int

    @classmethod
    def of(cls, ids: list[str] | None, *, every: bool, limit: int | None) -> "Selection":
        """Raises ``Fault`` unless either is given, ids or that it is all."""
        if bool(ids) is every:
            raise Fault("Select messages with --id (`dlq show` lists the ids) or --all.")
        return cls(frozenset(ids or ()), limit, SystemClock().now() + LATEST_MS)

    @property
    def is_whole(self) -> bool:
        return not self.ids and self.limit is None

    def words(self, count: int) -> str:
        most = len(self.ids) or count
        few = most if self.limit is None else min(most, self.limit)
        return counted(few, "message")

    def has(self, message: "DeadMessage") -> bool:
        return message.message_id in self.ids if self.ids else message.sent_at < self.sent_before

    def is_done(self, done: int) -> bool:
        return done == self.limit or (bool(self.ids) and done == len(self.ids))
