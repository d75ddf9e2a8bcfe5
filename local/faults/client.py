"""Which AWS calls fail between the functions and the emulator, and how."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

SLOW_MS = {"dist": "spike", "min": 200, "max": 1_500, "spike_ms": 6_000, "spike_p": 0.1}
"""Before the call is forwarded. One in ten exceeds the functions' timeout: it takes effect in addition to
the retry."""
NO_ANSWER = {"abort_bytes": 0, "set_headers": {"Content-Length": "1000000"}}
"""The connection breaks at the response's first byte; a response without a body hangs until the client times
out."""


class Kind(StrEnum):
    """The faults there are."""

    THROTTLED = "throttled"  # no effect
    FAILED = "failed"  # no effect: 500
    RESET = "reset"  # no effect, and the connection breaks
    SLOW = "slow"  # takes effect late
    LOST = "lost"  # takes effect, and the response is lost


@dataclass(frozen=True)
class _Codes:
    """A service's error codes for throttling and for failure."""

    throttled: str
    failed: str


SERVICES = {
    "dynamodb": _Codes("ProvisionedThroughputExceededException", "InternalServerError"),
    "sqs": _Codes("RequestThrottled", "InternalFailure"),
    "s3": _Codes("SlowDown", "InternalError"),
    "secretsmanager": _Codes("ThrottlingException", "InternalServiceError"),
    "kms": _Codes("ThrottlingException", "KMSInternalException"),
    "lambda": _Codes("TooManyRequestsException", "ServiceException"),
}
"""By the service names in signatures: all services that the functions call."""


class Faults:
    """The proxy of a running stack. All methods raise `httpx.HTTPError` if it does not answer."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_microburst"

    def set(self, share: float, kinds: Iterable[Kind] = Kind, services: Iterable[str] = SERVICES) -> None:
        """From now on this share of the services' calls fails, with equal shares of each fault. Calls of
        other services succeed."""
        rules = [rule for service in services for rule in _rules(service, share, tuple(kinds))]
        self._ask("POST", "/rules", json=rules)

    def clear(self) -> None:
        """Stop all faults."""
        self.set(0.0, kinds=())

    def calls(self) -> dict[str, int]:
        """How many calls of each service have come in since the start."""
        return {each["service"]: each["requests"] for each in self._by_service()}

    def fired(self) -> dict[str, int]:
        """How many of them were made to fail."""
        return {each["service"]: each["faulted"] for each in self._by_service()}

    def _by_service(self) -> list[dict[str, Any]]:
        services: list[dict[str, Any]] = self._ask("GET", "/stats").json()["by_service"]
        return services

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = httpx.request(method, f"{self._url}{path}", trust_env=False, timeout=10, **options)
        return answer.raise_for_status()


def _rules(service: str, share: float, kinds: tuple[Kind, ...]) -> list[dict[str, Any]]:
    """The first rule drawn applies, so each later rule needs a larger share of the remaining calls."""
    part = share / len(kinds) if kinds else 0.0
    return [
        {"service": service, "probability": part / (1 - n * part)} | _effect(kind, SERVICES[service])
        for n, kind in enumerate(kinds)
    ]


def _effect(kind: Kind, codes: _Codes) -> dict[str, Any]:
    match kind:
        case Kind.THROTTLED:
            return {"error": {"code": codes.throttled}}
        case Kind.FAILED:
            return {"error": {"code": codes.failed, "status": 500}}
        case Kind.RESET:
            return {"reset": True}
        case Kind.SLOW:
            return {"latency": SLOW_MS}
        case Kind.LOST:
            return {"response": NO_ANSWER}
