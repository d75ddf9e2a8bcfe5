"""Sends callbacks to the registered URL: retried until a 200, and several at once if configured."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from local.wecom.callbacks.envelope import Envelope, Sealed
from local.wecom.clock import Clock
from local.wecom.exchange import Attempt

Wrap = Callable[[Sealed], bytes]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a callback is delivered.

    `copies`: identical requests at the same moment; `lose_answers`: that many responses are discarded,
    as if the network had lost them.
    """

    copies: int = 1
    lose_answers: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A response with status 200, and the request that it belongs to."""

    sealed: Sealed
    body: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """Where and in what form callbacks are sent. `answer_seconds` is WeCom's timeout, in real time."""

    url: str
    envelope: Envelope
    wrap: Wrap
    content_type: str
    answer_seconds: float


class Sender:
    """One HTTP client for the life of a double."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._http = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113  asyncio.timeout does it

    async def close(self) -> None:
        await self._http.aclose()

    async def deliver(
        self, target: Target, message: str, times: int, manner: Manner, attempts: list[Attempt]
    ) -> list[Answer]:
        """The responses of the first round with any, one for each copy that was answered; none if no round
        was. Each request is added to `attempts`."""
        lost = 0
        for _ in range(times):
            sealed = target.envelope.seal(message, self._clock.now())
            copies = [self._post(target, sealed) for _ in range(manner.copies)]
            answers = []
            for attempt, answer in await asyncio.gather(*copies):
                is_lost = answer is not None and lost < manner.lose_answers
                lost += is_lost
                attempts.append(replace(attempt, was_lost=is_lost))
                if answer is not None and not is_lost:
                    answers.append(answer)
            if answers:
                return answers
        return []

    async def get(self, url: str, query: dict[str, str], seconds: float) -> tuple[Attempt, bytes]:
        """A GET and its body."""
        return await self._request("GET", url, query, b"", "", seconds)

    async def _post(self, target: Target, sealed: Sealed) -> tuple[Attempt, Answer | None]:
        attempt, body = await self._request(
            "POST", target.url, sealed.query, target.wrap(sealed), target.content_type, target.answer_seconds
        )
        return attempt, Answer(sealed, body) if attempt.status == 200 else None

    async def _request(
        self, method: str, url: str, query: dict[str, str], body: bytes, content_type: str, seconds: float
    ) -> tuple[Attempt, bytes]:
        at, started = self._clock.now(), time.monotonic()
        headers = {"content-type": content_type} if content_type else {}
        status, content, problem = None, b"", ""
        try:
            async with asyncio.timeout(seconds):
                response = await self._http.request(method, url, params=query, content=body, headers=headers)
                status, content = response.status_code, response.content
        except TimeoutError:
            problem = "timeout"
        except httpx.HTTPError as error:
            problem = type(error).__name__
        return Attempt(status, problem, time.monotonic() - started, at), content
