"""The share of each person who writes to a connection: they have no API key whose limits would hold."""

from dataclasses import dataclass
from enum import StrEnum

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import Bucket, RateStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.inbound.chat import Chat
from a2a_tasks.wecom.inbound.commands import Command, CommandCall
from a2a_tasks.wecom.users import canonical


@dataclass(frozen=True)
class People:
    """``rate`` is what each of them may ask where their connection does not say so; None for no limit."""

    rates: RateStore
    clock: Clock
    telemetry: Telemetry
    rate: Rate | None

    def may_say(self, chat: Chat, call: CommandCall | None) -> bool:
        """Count a question, or a command that is answered at length; other commands are free, so that who has
        asked too much can still cancel. True also where the store does not answer: a limit is in nobody's way
        then."""
        connection = chat.connection
        rate = _rate_of(connection) or self.rate
        if rate is None or (call is not None and call.command is not Command.RESULT):
            return True
        bucket, now = person_bucket(connection, chat.user_id), self.clock.now() * 1000
        try:
            is_granted = self.rates.take(bucket, rate, 1, now).is_granted
        except StoreUnavailable as error:
            self.telemetry.problem(
                "rate limit not checked", connection_id=connection.connection_id, reason=str(error)
            )
            return True
        if not is_granted:
            self.telemetry.count("RateLimited", code=f"WECOM_{Asked.QUESTIONS}")
            self.telemetry.event("rate limit exceeded", connection_id=connection.connection_id)
        return is_granted


def _rate_of(connection: Connection) -> Rate | None:
    limit = connection.messages_per_minute
    return Rate(limit * 60, limit) if limit is not None else None


class Asked(StrEnum):
    """What is counted."""

    QUESTIONS = "QUESTIONS"


def person_bucket(connection: Connection, user_id: str) -> Bucket:
    """Beside what is sent to them (``sending_rate``)."""
    return Bucket(f"WECOM#{connection.connection_id}#{canonical(user_id)}", Asked.QUESTIONS)
