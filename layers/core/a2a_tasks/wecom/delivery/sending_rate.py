"""WeCom's limits of messages. It silently drops messages above them."""

from enum import StrEnum

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.rates import Bucket
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.users import canonical

TO_MEMBER = Rate(per_hour=960, burst=14)
"""In no minute more than 14 + 16 = 30, in no hour more than 14 + 960: WeCom's limits are 30 and 1,000."""
TO_GROUP = Rate(per_hour=720, burst=8)
"""In no minute more than 8 + 12 = 20, which is WeCom's limit; failed ones count."""


class SendLimitKind(StrEnum):
    """What is counted."""

    MESSAGES = "MESSAGES"


def member_bucket(connection: Connection, user_id: str) -> Bucket:
    """Counts what an application sends to one person (``TO_MEMBER``)."""
    return Bucket(f"WECOM#{connection.connection_id}#{canonical(user_id)}", SendLimitKind.MESSAGES)


def group_bucket(connection: Connection) -> Bucket:
    """Counts what a group's robot sends (``TO_GROUP``)."""
    return Bucket(f"WECOM#{connection.connection_id}", SendLimitKind.MESSAGES)
