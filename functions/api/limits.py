"""Rate limits of the current request's caller."""

from collections.abc import Callable
from typing import Any

from a2a_tasks.access.rate_limits import RateLimitedCaller, RateLimiter
from a2a_tasks.domain.errors import RequestRefused
from functions.api import errors


class Limits:
    """Checks limits before routing. A process handles one request at a time, so there is one ``caller``."""

    def __init__(self, limiter: RateLimiter) -> None:
        self.limiter = limiter
        self._caller: RateLimitedCaller | None = None

    @property
    def caller(self) -> RateLimitedCaller:
        """For routes that also count creations. Only on routes that require an API key."""
        if self._caller is None:
            raise LookupError("no key was asked for")
        return self._caller

    def close(self) -> None:
        """End the request, and free the stream that it opened."""
        if self._caller is not None:
            self._caller.close()

    def answer(self, event: dict[str, Any], resolve: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The response of ``resolve``, or 429; with rate limit headers if there is a caller."""
        authorizer = event["requestContext"].get("authorizer")
        # routes without a key have the gateway's limits alone
        self._caller = self.limiter.caller(authorizer) if authorizer else None
        if self._caller is None:
            return resolve()
        try:
            # before the route: what is refused for its rate must have done nothing
            self._caller.count_request()
        except RequestRefused as refused:
            answer = errors.to_answer(refused)
        else:
            answer = resolve()
        headers = {name: [value] for name, value in self._caller.headers.items()}
        return answer | {"multiValueHeaders": answer["multiValueHeaders"] | headers}
