"""Powertools' logger, without what CloudWatch says of each line anyway: it charges for bytes."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

LEFT_OUT = frozenset(
    {
        "timestamp",  # @timestamp
        "function_name",  # @log
        "function_arn",
        "function_memory_size",
        "cold_start",
        "location",  # the telemetry's own, always
        "taskName",  # asyncio's, not ours
    }
)
_NO_TROUBLE = ("DEBUG", "INFO")


class LeanFormatter(LambdaPowertoolsFormatter):
    """Only a line that tells of trouble has its invocation's id, by which Lambda's own lines are found."""

    def serialize(self, log: Any) -> str:
        kept = {key: value for key, value in log.items() if key not in LEFT_OUT}
        if log.get("level") in _NO_TROUBLE:
            kept.pop("function_request_id", None)
        return super().serialize(kept)


def lean_logger(**options: Any) -> Logger:
    """A function's logger; ``options`` are Powertools'."""
    return Logger(logger_formatter=LeanFormatter(), **options)
