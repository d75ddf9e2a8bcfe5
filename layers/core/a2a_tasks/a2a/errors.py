"""Errors of A2A 1.0, in the shapes of both bindings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from a2a_tasks.domain.errors import ErrorCode, RequestRefused

DOMAIN = "a2a-protocol.org"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


class Problem(Enum):
    """An error: its JSON-RPC code, HTTP status, gRPC status name, and ``reason`` if that is not the member's
    name."""

    TASK_NOT_FOUND = (-32001, 404, "NOT_FOUND")
    TASK_NOT_CANCELABLE = (-32002, 400, "FAILED_PRECONDITION")
    PUSH_NOTIFICATION_NOT_SUPPORTED = (-32003, 400, "FAILED_PRECONDITION")
    UNSUPPORTED_OPERATION = (-32004, 400, "FAILED_PRECONDITION")
    CONTENT_TYPE_NOT_SUPPORTED = (-32005, 400, "INVALID_ARGUMENT")
    INVALID_AGENT_RESPONSE = (-32006, 500, "INTERNAL")
    EXTENDED_AGENT_CARD_NOT_CONFIGURED = (-32007, 400, "FAILED_PRECONDITION")
    EXTENSION_SUPPORT_REQUIRED = (-32008, 400, "FAILED_PRECONDITION")
    VERSION_NOT_SUPPORTED = (-32009, 400, "FAILED_PRECONDITION")
    JSON_PARSE = (-32700, 400, "INVALID_ARGUMENT")
    INVALID_REQUEST = (-32600, 400, "INVALID_ARGUMENT")
    METHOD_NOT_FOUND = (-32601, 404, "NOT_FOUND")
    INVALID_PARAMS = (-32602, 400, "INVALID_ARGUMENT")
    INTERNAL_ERROR = (-32603, 500, "INTERNAL")
    # the protocol leaves these to HTTP
    UNSUPPORTED_MEDIA_TYPE = (-32005, 415, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED")
    UNAVAILABLE = (-32603, 503, "UNAVAILABLE")
    AGENT_NOT_FOUND = (-32600, 404, "NOT_FOUND")
    RATE_LIMIT_EXCEEDED = (-32603, 429, "RESOURCE_EXHAUSTED")

    def __init__(self, code: int, http_status: int, grpc_status: str, reason: str | None = None) -> None:
        self.code = code
        self.http_status = http_status
        self.grpc_status = grpc_status
        self._reason = reason

    @property
    def reason(self) -> str:
        """The ``reason`` of its ``ErrorInfo``."""
        return self._reason or self.name


OF_HTTP_ALONE = frozenset({Problem.AGENT_NOT_FOUND, Problem.RATE_LIMIT_EXCEEDED})
"""Errors not of an agent but of what is in front of it. JSON-RPC requests too are answered with their HTTP
status."""
OF_REFUSALS = {
    ErrorCode.CONTENT_TYPE_NOT_SUPPORTED: Problem.CONTENT_TYPE_NOT_SUPPORTED,
    ErrorCode.NOT_FOUND: Problem.TASK_NOT_FOUND,
    ErrorCode.TASK_NOT_FOUND: Problem.TASK_NOT_FOUND,
    ErrorCode.CONTEXT_NOT_FOUND: Problem.TASK_NOT_FOUND,
    ErrorCode.PUSH_CONFIG_NOT_FOUND: Problem.TASK_NOT_FOUND,
    ErrorCode.PUSH_NOT_SUPPORTED: Problem.PUSH_NOTIFICATION_NOT_SUPPORTED,
    ErrorCode.AGENT_NOT_FOUND: Problem.AGENT_NOT_FOUND,
    ErrorCode.TASK_NOT_CANCELABLE: Problem.TASK_NOT_CANCELABLE,
    ErrorCode.TASK_NOT_WAITING: Problem.UNSUPPORTED_OPERATION,
    ErrorCode.AGENT_DISABLED: Problem.UNSUPPORTED_OPERATION,
    ErrorCode.FORBIDDEN: Problem.UNSUPPORTED_OPERATION,
    ErrorCode.UNAUTHORIZED: Problem.INVALID_REQUEST,
    ErrorCode.RATE_LIMIT_EXCEEDED: Problem.RATE_LIMIT_EXCEEDED,
    ErrorCode.BUDGET_EXCEEDED: Problem.RATE_LIMIT_EXCEEDED,
    ErrorCode.INTERNAL_ERROR: Problem.INTERNAL_ERROR,
}
"""Errors of the services, translated. All others mean invalid parameters."""


@dataclass
class A2AError(Exception):
    """A request is answered with an error. ``violations`` are ``{"field", "description"}``; ``retry_after``
    is in seconds, if retrying helps."""

    problem: Problem
    message: str
    violations: Sequence[Mapping[str, str]] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None

    def __str__(self) -> str:
        return f"{self.problem.name}: {self.message}"

    @classmethod
    def of(cls, refused: RequestRefused) -> "A2AError":
        """The error for a refusal of the services."""
        violations = [
            {"field": detail["field"], "description": detail["message"]} for detail in refused.details
        ]
        problem = OF_REFUSALS.get(refused.code, Problem.INVALID_PARAMS)
        # the other API's code says more, where this protocol has one name for several
        metadata = {} if problem.name == refused.code else {"code": refused.code.value}
        return cls(problem, refused.message, violations, metadata, refused.retry_after)

    @classmethod
    def invalid(cls, field: str, problem: str) -> "A2AError":
        """INVALID_PARAMS for one parameter."""
        violation = {"field": field, "description": problem}
        return cls(Problem.INVALID_PARAMS, f"{field}: {problem}", [violation])

    def to_json_rpc(self) -> dict[str, Any]:
        """The ``error`` of a JSON-RPC response."""
        return {"code": self.problem.code, "message": self.message, "data": self._details()}

    def to_http_json(self) -> dict[str, Any]:
        """The body of an HTTP+JSON response."""
        return {
            "error": {
                "code": self.problem.http_status,
                "status": self.problem.grpc_status,
                "message": self.message,
                "details": self._details(),
            }
        }

    def _details(self) -> list[dict[str, Any]]:
        info: dict[str, Any] = {"@type": ERROR_INFO, "reason": self.problem.reason, "domain": DOMAIN}
        details = [info | ({"metadata": dict(self.metadata)} if self.metadata else {})]
        if self.violations:
            details.append(
                {"@type": BAD_REQUEST, "fieldViolations": [dict(each) for each in self.violations]}
            )
        return details
