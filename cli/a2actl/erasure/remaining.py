"""Data that remains after an erasure, and until when."""

from collections.abc import Iterator, Mapping

from a2a_tasks.domain.task import iso8601

DAY_MS = 86_400_000
BACKUP_DAYS, STREAM_DAYS, QUEUE_DAYS = 35, 1, 14


def remaining(parameters: Mapping[str, str], now: int) -> Iterator[str]:
    """Sentences. ``parameters`` are the stack's, ``now`` is in Unix milliseconds."""

    def day(after: int) -> str:
        return iso8601(now + after * DAY_MS)[:10]

    logs = int(parameters.get("LogRetentionDays") or 30)
    yield f"Backups: DynamoDB can restore the table to before now until {day(BACKUP_DAYS)}."
    yield f"The table's stream has the deleted items until {day(STREAM_DAYS)}."
    yield f"Logs have ids, times and counts, and no texts, until {day(logs)}."
    yield f"Messages of queues name tasks, and people to whom an answer was on its way, to {day(QUEUE_DAYS)}."
    yield "Claude's provider keeps what it was sent by its own terms; receivers and chats what they got."
