"""The context of an invocation."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """The part of Lambda's context object that functions use. ``deadline`` is in Unix milliseconds."""

    aws_request_id: str
    invoked_function_arn: str
    deadline: int
    trace_id: str = ""

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Context":
        """From the Runtime API's response to ``next``. Header names are case-insensitive (RFC 9110 §5.1)."""
        given = {name.lower(): value for name, value in headers.items()}
        return cls(
            given["lambda-runtime-aws-request-id"],
            given.get("lambda-runtime-invoked-function-arn", ""),
            int(given["lambda-runtime-deadline-ms"]),
            given.get("lambda-runtime-trace-id", ""),
        )

    @property
    def function_name(self) -> str:
        """The function's name."""
        return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")

    @property
    def function_version(self) -> str:
        """The function's version."""
        return os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")

    @property
    def memory_limit_in_mb(self) -> int:
        """The function's memory in MiB."""
        return int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"))

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout, never negative."""
        return max(0, self.deadline - int(time.time() * 1000))
