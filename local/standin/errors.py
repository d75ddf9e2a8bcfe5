"""Errors in the form of the Messages API."""

from dataclasses import dataclass, field
from typing import Any

from local.standin.step import Failure

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_MESSAGES = {
    "authentication_error": "invalid x-api-key",
    "billing_error": "Your credit balance is too low to access the Anthropic API.",
    "permission_error": "Your API key does not have permission to use the specified resource.",
    "not_found_error": "Not found",
    "request_too_large": "Request exceeds the maximum size",
    "rate_limit_error": "This request would exceed your organization's rate limit.",
    "timeout_error": "Request timed out",
    "api_error": "Internal server error",
    "overloaded_error": "Overloaded",
}
_STATUSES = {error_type: status for status, error_type in _TYPES.items() if status not in (408, 422)}


@dataclass(eq=False)
class ApiError(Exception):
    """A response other than 2xx: the HTTP status and the parts of the error body."""

    status: int
    type: str
    message: str
    error_code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def invalid(cls, message: str) -> "ApiError":
        """A 400 for a malformed request."""
        return cls(400, "invalid_request_error", message)

    @classmethod
    def from_status(cls, status: int) -> "ApiError":
        """The usual error of that status."""
        error_type = _TYPES.get(status) or _default_type(status)
        return cls(status, error_type, _message(error_type))

    @classmethod
    def from_failure(cls, failure: Failure) -> "ApiError":
        """The error that a directive requests."""
        error_type = failure.type or _TYPES.get(failure.status) or _default_type(failure.status)
        headers = {} if failure.retry_after is None else {"retry-after": failure.retry_after}
        return cls(failure.status, error_type, _message(error_type), failure.error_code, headers)

    @classmethod
    def from_type(cls, error_type: str) -> "ApiError":
        """The error of that type, with its usual status (500 for a type that has none)."""
        return cls(_STATUSES.get(error_type, 500), error_type, _message(error_type))

    def to_body(self, request_id: str) -> dict[str, Any]:
        """The JSON body, the same in an HTTP response and in an `error` event of a stream."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.error_code is not None:
            error["details"] = {"error_code": self.error_code}
        return {"type": "error", "error": error, "request_id": request_id}


def _default_type(status: int) -> str:
    return "invalid_request_error" if status < 500 else "api_error"


def _message(error_type: str) -> str:
    return _MESSAGES.get(error_type, "The stand-in was asked to answer with this error.")
