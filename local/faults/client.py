"""Which calls of AWS fail on the way from the functions to the emulator, and how."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

SLOW_MS = {"dist": "spike", "min": 200, "max": 1_500, "spike_ms": 6_000, "spike_p": 0.1}
"""Before the call is passed on. A tenth comes after the functions have given up: it takes effect beside the
call that was made again."""
NO_ANSWER = {"abort_bytes": 0, "set_headers": {"Content-Length": "1000000"}}
"""The connection breaks at the answer's first byte; an answer without a body hangs until it is given up."""


class Kind(StrEnum):
    """The faults there are."""

    THROTTLED = "throttled"  # nothing is done
    FAILED = "failed"  # nothing is done: 500
    RESET = "reset"  # nothing is done, and the connection breaks
    SLOW = "slow"  # it is done late
    LOST = "lost"  # it is done, and its answer does not arrive


@dataclass(frozen=True)
class _Codes:
    """What a service says when it throttles, and when it fails."""

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
"""By the names that requests are signed for: all that the functions call."""


class Faults:
    """The proxy of a running stack. All methods raise `httpx.HTTPError` where it does not answer."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_microburst"

    def set(self, share: float, kinds: Iterable[Kind] = Kind, services: Iterable[str] = SERVICES) -> None:
        """From now on this share of the services' calls fails, each kind as often as another, and no other
        call does."""
        rules = [rule for service in services for rule in _rules(service, share, tuple(kinds))]
        self._ask("POST", "/rules", json=rules)

    def clear(self) -> None:
        """Nothing fails any more."""
        self.set(0.0, kinds=())

    def calls(self) -> dict[str, int]:
        """How many calls of each service have come since the start."""
        return {each["service"]: each["requests"] for each in self._by_service()}

    def fired(self) -> dict[str, int]:
        """How many of them have failed."""
        return {each["service"]: each["faulted"] for each in self._by_service()}

    def _by_service(self) -> list[dict[str, Any]]:
        services: list[dict[str, Any]] = self._ask("GET", "/stats").json()["by_service"]
        return services

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = httpx.request(method, f"{self._url}{path}", trust_env=False, timeout=10, **options)
        return answer.raise_for_status()


def _rules(service: str, share: float, kinds: tuple[Kind, ...]) -> list[dict[str, Any]]:
    """The first rule that is drawn is followed: what is left to each is a larger share of what is left."""
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
