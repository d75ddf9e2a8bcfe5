"""Error codes: of refused requests, and of failed tasks."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class ErrorCode(StrEnum):
    """Codes of refused requests, in ``{"error", "code", "details"?}``, each with its HTTP status."""

    http_status: int

    def __new__(cls, code: str, http_status: int) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.http_status = http_status
        return member

    VALIDATION_ERROR = ("VALIDATION_ERROR", 400)
    UNAUTHORIZED = ("UNAUTHORIZED", 401)
    FORBIDDEN = ("FORBIDDEN", 403)
    NOT_FOUND = ("NOT_FOUND", 404)
    AGENT_NOT_FOUND = ("AGENT_NOT_FOUND", 404)
    AGENT_DISABLED = ("AGENT_DISABLED", 409)
    TASK_NOT_FOUND = ("TASK_NOT_FOUND", 404)
    TASK_NOT_CANCELABLE = ("TASK_NOT_CANCELABLE", 409)
    TASK_NOT_WAITING = ("TASK_NOT_WAITING", 409)
    TASK_NOT_RETRYABLE = ("TASK_NOT_RETRYABLE", 409)
    PUSH_CONFIG_NOT_FOUND = ("PUSH_CONFIG_NOT_FOUND", 404)
    PUSH_NOT_SUPPORTED = ("PUSH_NOT_SUPPORTED", 409)
    TASK_CANCELED = ("TASK_CANCELED", 409)
    CONTEXT_NOT_FOUND = ("CONTEXT_NOT_FOUND", 404)
    IDEMPOTENCY_KEY_REUSED = ("IDEMPOTENCY_KEY_REUSED", 422)
    RATE_LIMIT_EXCEEDED = ("RATE_LIMIT_EXCEEDED", 429)
    PAYLOAD_TOO_LARGE = ("PAYLOAD_TOO_LARGE", 413)
    CONTENT_TYPE_NOT_SUPPORTED = ("CONTENT_TYPE_NOT_SUPPORTED", 415)
    BUDGET_EXCEEDED = ("BUDGET_EXCEEDED", 429)
    INTERNAL_ERROR = ("INTERNAL_ERROR", 500)


@dataclass
class RequestRefused(Exception):
    """A request that is answered with an error."""

    code: ErrorCode
    message: str
    """What is wrong and how to fix it."""
    details: list[dict[str, Any]] = field(default_factory=list)
    """``{"field", "message"}`` for each wrong field."""
    retry_after: int | None = None
    """Seconds until a retry may succeed, if one may."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def to_body(self) -> dict[str, Any]:
        """The response body: ``{"error": text, "code": UPPER_SNAKE, "details"?: [{"field", "message"}]}``."""
        body: dict[str, Any] = {"error": self.message, "code": self.code.value}
        return body | {"details": self.details} if self.details else body


def invalid(field: str, problem: str, code: ErrorCode = ErrorCode.VALIDATION_ERROR) -> RequestRefused:
    """The refusal of one field of a request."""
    detail = {"field": field, "message": problem}
    return RequestRefused(code, f"{field}: {problem}", [detail])


class FailureCode(StrEnum):
    """Why a task failed, in ``errorDetails.code``."""

    TIMEOUT = "TIMEOUT"  # its run took too long, or its question was not answered in time
    QUEUE_TIMEOUT = "QUEUE_TIMEOUT"  # it was not started in time
    EXECUTION_ERROR = "EXECUTION_ERROR"  # the model's API refused the request, or nothing could run it
    MODEL_OVERLOADED = "MODEL_OVERLOADED"  # overloaded, rate-limited or unreachable, on the last attempt
    MODEL_REFUSED = "MODEL_REFUSED"  # the model declined to answer
    OUTPUT_TRUNCATED = "OUTPUT_TRUNCATED"  # the answer hit the agent's maxTokens
    MAX_TURNS_EXCEEDED = "MAX_TURNS_EXCEEDED"  # the agent's maxTurns
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"  # the task's, or its project's for the day
    WORKER_LOST = "WORKER_LOST"  # the process died on the last attempt
    REJECTED = "REJECTED"  # the agent accepted no tasks when it was submitted
    AGENT_MISCONFIGURED = "AGENT_MISCONFIGURED"  # key, model or agent definition cannot work


FAILURE_STATUS = {
    FailureCode.TIMEOUT: 504,
    FailureCode.QUEUE_TIMEOUT: 504,
    FailureCode.MODEL_OVERLOADED: 503,
    FailureCode.BUDGET_EXCEEDED: 429,
}
"""HTTP status for callers who wait for a task that fails; 502 for all other codes."""


@dataclass(frozen=True)
class Failure:
    """Why a task failed: a code, and a sentence for people."""

    code: FailureCode
    message: str
