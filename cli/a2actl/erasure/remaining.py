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
    yield f"Backups: DynamoDB can restore an earlier state of the table until {day(BACKUP_DAYS)}."
    yield f"The table's stream contains the deleted items until {day(STREAM_DAYS)}."
    yield f"Logs contain ids, times and counts, but no texts, until {day(logs)}."
    yield f"Queued messages name tasks, and recipients of unsent answers, until {day(QUEUE_DAYS)}."
    yield (
        "Claude's provider keeps requests under its own terms; webhook receivers and chats keep what they"
        " received."
    )
