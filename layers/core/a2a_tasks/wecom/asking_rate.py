"""How often one person may ask: they have no API key whose limits would hold."""

from enum import StrEnum

from a2a_tasks.ports.rates import Bucket
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.users import canonical


class Asked(StrEnum):
    """What is counted."""

    QUESTIONS = "QUESTIONS"


def person_bucket(connection: Connection, user_id: str) -> Bucket:
    """Beside what is sent to them (``sending_rate``)."""
    return Bucket(f"WECOM#{connection.connection_id}#{canonical(user_id)}", Asked.QUESTIONS)
