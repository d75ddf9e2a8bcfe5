"""Limits per user of a connection, who have no API key with limits of its own."""

from dataclasses import dataclass, field
from enum import StrEnum

from a2a_tasks.access.budgets import day_of
from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import Bucket, RateStore
from a2a_tasks.ports.tasks import SpendStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.inbound.chat import Chat
from a2a_tasks.wecom.inbound.commands import Command, CommandCall
from a2a_tasks.wecom.phrases import Phrase
from a2a_tasks.wecom.users import canonical

MOST_SEEN = 10_000
"""Users that a process remembers. Above this it forgets all, which costs one more call per user."""


@dataclass(frozen=True)
class UserLimits:
    """``rate`` applies to users of connections without a limit of their own; None for no limit."""

    rates: RateStore
    spending: SpendStore
    clock: Clock
    telemetry: Telemetry
    rate: Rate | None
    _seen: dict[Bucket, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Each user's last known ``tat``, which saves a call at the next question."""

    def refusal(self, chat: Chat, call: CommandCall | None) -> Phrase | None:
        """Why a user's message is refused; None if it is allowed. Counts questions, and commands with long
        answers; other commands are free, so that a user above the limit can still cancel. If the store does
        not respond, the message is allowed."""
        if call is not None and call.command is not Command.RESULT:
            return None
        try:
            if not self._takes(chat):
                return Phrase.TOO_FAST
            return Phrase.TOKENS_USED_UP if call is None and self._has_used_up(chat) else None
        except StoreUnavailable as error:
            # the question itself fails if the store is unavailable
            connection_id = chat.connection.connection_id
            self.telemetry.problem("rate limit not checked", connection_id=connection_id, reason=str(error))
            return None

    def _takes(self, chat: Chat) -> bool:
        connection = chat.connection
        rate = _rate_of(connection) or self.rate
        if rate is None:
            return True
        bucket, now = person_bucket(connection, chat.user_id), self.clock.now() * 1000
        # a repeated message is counted again, for which the burst has room
        taking = self.rates.take(bucket, rate, 1, now, self._seen.get(bucket, 0))
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen[bucket] = taking.tat
        if taking.is_granted:
            return True
        self._refused(connection, UserLimitKind.QUESTIONS)
        return False

    def _has_used_up(self, chat: Chat) -> bool:
        connection, spender = chat.connection, spender_of(chat.connection, chat.user_id)
        if spender is None or connection.tokens_per_day is None:
            return False
        if self.spending.spend(spender, day_of(self.clock.now())).tokens < connection.tokens_per_day:
            return False
        self._refused(connection, UserLimitKind.TOKENS)
        return True

    def _refused(self, connection: Connection, kind: "UserLimitKind") -> None:
        self.telemetry.count("RateLimited", code=f"WECOM_{kind}")
        self.telemetry.event("rate limit exceeded", connection_id=connection.connection_id)


def _rate_of(connection: Connection) -> Rate | None:
    limit = connection.messages_per_minute
    return Rate(limit * 60, limit) if limit is not None else None


class UserLimitKind(StrEnum):
    """Kinds of usage."""

    QUESTIONS = "QUESTIONS"
    TOKENS = "TOKENS"


def person_bucket(connection: Connection, user_id: str) -> Bucket:
    """Counted apart from messages sent to them (``sending_rate``)."""
    return Bucket(f"WECOM#{connection.connection_id}#{canonical(user_id)}", UserLimitKind.QUESTIONS)


def spender_of(connection: Connection, user_id: str) -> str | None:
    """Name under which a user's tokens are counted; None without a limit."""
    if connection.tokens_per_day is None:
        return None
    return f"WECOM#{connection.connection_id}#{canonical(user_id)}"
