"""The model on the Claude API, by the ``anthropic`` SDK. Only the worker imports this: it costs seconds."""

import asyncio
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, cast

import anthropic
import httpx2
from anthropic.types import Message, MessageParam

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply, ModelRequest

CONNECT_SECONDS = 5.0
BUSY_TYPES = frozenset({"overloaded_error", "rate_limit_error", "api_error", "timeout_error"})
BUSY_STATUS = frozenset({408, 409, 429})
SPENT = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached"})
"""A 429 that waiting does not cure."""
MISCONFIGURED_STATUS = frozenset({401, 403, 404})
"""The key, its permissions, or the agent's model: an operator must act."""
_KEY = re.compile(r"sk-[A-Za-z0-9_-]{6,}")


class ClaudeModel:
    """``Model`` on any server of the Messages API.

    ``api_key(fresh)`` reads the key and may block; it is asked again, with ``fresh``, after a 401, so that a
    rotated key needs no restart. The SDK's own retries are off: it would sleep in paid Lambda time.
    """

    def __init__(
        self, api_key: Callable[[bool], str], base_url: str, read_timeout_seconds: float, clock: Clock
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._timeout = httpx2.Timeout(read_timeout_seconds, connect=CONNECT_SECONDS)
        self._clock = clock
        self._clients: dict[str, anthropic.AsyncAnthropic] = {}

    async def turn(self, request: ModelRequest) -> ModelReply:
        key = await self._key(fresh=False)
        try:
            return await self._stream(key, request)
        except ModelRejected as rejected:
            refused_key = isinstance(rejected.__cause__, anthropic.AuthenticationError)
            rotated = await self._key(fresh=True) if refused_key else key
            if rotated == key:
                raise
        return await self._stream(rotated, request)

    async def _stream(self, key: str, request: ModelRequest) -> ModelReply:
        optional: dict[str, Any] = {"system": request.system} if request.system else {}
        seen: Message | None = None
        try:
            async with self._client(key).messages.stream(
                model=request.model,
                max_tokens=request.max_tokens,
                messages=cast("list[MessageParam]", request.messages),
                **optional,
            ) as stream:
                async for _ in stream:
                    seen = stream.current_message_snapshot
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise self._explain(error, seen) from error
        # a stream that is cut between two frames ends without any error
        if seen is None or seen.stop_reason is None:
            raise ModelBusy("The model's answer was cut off.", used=_usage(seen, turns=0))
        return _reply(seen)

    async def _key(self, *, fresh: bool) -> str:
        key = await asyncio.to_thread(self._api_key, fresh)
        if not key:
            raise ModelRejected(
                FailureCode.AGENT_MISCONFIGURED,
                "No Claude API key is configured; the operator must put one into the deployment's secret.",
            )
        return key

    def _client(self, key: str) -> anthropic.AsyncAnthropic:
        if key not in self._clients:
            # the client of an earlier key stays: other tasks may be reading from it
            self._clients[key] = anthropic.AsyncAnthropic(
                api_key=key, base_url=self._base_url, max_retries=0, timeout=self._timeout
            )
        return self._clients[key]

    def _explain(self, error: Exception, seen: Message | None = None) -> ModelBusy | ModelRejected:
        """What a failed call means: worth another try, or refused for good.

        An error inside the stream has status 200, so the error's type decides before the status does.
        """
        used = _usage(seen, turns=0)
        if not isinstance(error, anthropic.APIStatusError):
            if isinstance(error, httpx2.TimeoutException | anthropic.APITimeoutError):
                return ModelBusy("The model fell silent.", used=used)
            return ModelBusy("The connection to the model was lost.", used=used)
        reason = f"The model's API answered {error.status_code}: {redact(error.message)}"
        if error.error_code in SPENT:
            return ModelRejected(FailureCode.EXECUTION_ERROR, reason)
        status = error.status_code
        if error.type in BUSY_TYPES or status in BUSY_STATUS or not 400 <= status < 500:
            return ModelBusy(reason, self._retry_after(error.response.headers.get("retry-after")), used)
        misconfigured = status in MISCONFIGURED_STATUS
        code = FailureCode.AGENT_MISCONFIGURED if misconfigured else FailureCode.EXECUTION_ERROR
        return ModelRejected(code, reason)

    def _retry_after(self, value: str | None) -> float | None:
        """Seconds from a ``retry-after`` header (RFC 9110 §10.2.3: seconds, or a date), if it says so."""
        if value is None:
            return None
        try:
            return max(0.0, float(value))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - self._clock.now() / 1000)
        except ValueError:
            return None


def redact(text: str) -> str:
    """The text without anything that looks like an API key."""
    return _KEY.sub("[key]", text)


def _reply(message: Message) -> ModelReply:
    details = getattr(message, "stop_details", None)
    return ModelReply(
        text="".join(block.text for block in message.content if block.type == "text"),
        stop_reason=str(message.stop_reason),
        usage=_usage(message, turns=1),
        refusal_category=getattr(details, "category", None),
    )


def _usage(message: Message | None, turns: int) -> Usage:
    if message is None:
        return Usage(turns=turns)
    usage = message.usage
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
        cache_write_tokens=usage.cache_creation_input_tokens or 0,
        turns=turns,
    )
