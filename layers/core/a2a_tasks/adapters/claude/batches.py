"""Message Batches through the ``anthropic`` SDK. Imported only by the batcher."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import anthropic
import httpx2
from anthropic.types.messages import MessageBatch

from a2a_tasks.adapters.claude.connection import ClaudeConnection
from a2a_tasks.adapters.claude.errors import (
    BUSY_TYPES,
    OVERLOADED_TYPE,
    SPENT,
    THROTTLED_TYPES,
    explain,
    redact,
)
from a2a_tasks.adapters.claude.reply import reply_of
from a2a_tasks.adapters.claude.request import parameters
from a2a_tasks.adapters.claude.usage import bill_of
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.text.json_limits import BeyondLimits
from a2a_tasks.ports.batches import (
    CreationUnknown,
    NotAccepted,
    RemoteBatch,
    RemoteStatus,
    RequestResult,
    UnprocessedReason,
)
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply, ModelRequest

NOT_NOW = frozenset({429, 529})
"""Responses that mean that nothing was created and that a later call may succeed."""
FOR_AN_OPERATOR = frozenset({401, 402, 403, 404})
"""Problems with the key, billing, permissions or address, rather than with the requests in the batch, which
the API validates later (API reference, "Create a Message Batch")."""
MISCONFIGURED_TYPES = frozenset({"authentication_error", "permission_error", "not_found_error"})
"""Problems with the key, its permissions or the agent's model that an operator must fix."""
PAGE = 100


class ClaudeBatches:
    """``MessageBatches`` on backends that support it."""

    def __init__(self, connection: ClaudeConnection, clock: Clock) -> None:
        self.connection = connection
        self._clock = clock

    def encode(self, task_id: str, request: ModelRequest) -> bytes:
        """Without prompt caching: requests of a batch run at any time within a day, and a cache entry that is
        written and never read costs a quarter more."""
        params = parameters(request, self.connection.backend, {})
        params.pop("cache_control", None)
        text = json.dumps({"custom_id": task_id, "params": params}, ensure_ascii=False, separators=(",", ":"))
        return text.encode()

    async def create(self, requests: list[bytes]) -> str:
        body = body_of(requests)

        async def send(client: anthropic.AsyncAnthropic) -> MessageBatch:
            # not ``batches.create``, which would hold the requests as objects, text and bytes at once
            return await client.post("/v1/messages/batches", cast_to=MessageBatch, content=body)

        try:
            batch = await self._call(send)
        except ModelRejected as missing:  # a credential
            # nothing was sent without a credential, so nothing was created
            raise NotAccepted(missing.reason, needs_operator=True) from None
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise not_created(error, self._clock.now()) from None
        except json.JSONDecodeError:
            raise CreationUnknown("The API's answer cannot be read.") from None
        # a proxy's 200: the batch may have been created behind it
        if not isinstance(batch, MessageBatch) or not getattr(batch, "id", None):
            raise CreationUnknown("The API's answer cannot be read.")
        return batch.id

    async def get(self, api_id: str) -> RemoteBatch | None:
        with self._explaining():
            try:
                return _remote(await self._call(lambda client: client.messages.batches.retrieve(api_id)))
            except anthropic.NotFoundError:
                # deleted, or the key now belongs to another workspace
                return None

    async def created_between(self, since: int, until: int) -> list[RemoteBatch]:
        async def listed(client: anthropic.AsyncAnthropic) -> list[RemoteBatch]:
            found: list[RemoteBatch] = []
            async for batch in client.messages.batches.list(limit=PAGE):
                remote = _remote(batch)
                if remote.created_at < since:
                    break  # the newest come first
                if remote.created_at <= until:
                    found.append(remote)
            return found

        with self._explaining():
            return await self._call(listed)

    async def results(self, api_id: str) -> AsyncGenerator[RequestResult]:
        with self._explaining():
            lines = await self._call(lambda client: client.messages.batches.results(api_id))
            try:
                async for line in lines:
                    yield _result(line.to_dict(mode="json", warnings=False))
            finally:
                # also if the reader stops early, or the connection would stay open for the life of the
                # process
                await lines.close()

    async def cancel(self, api_id: str) -> None:
        with self._explaining():
            await self._call(lambda client: client.messages.batches.cancel(api_id))

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Turns errors of the SDK into ``ModelBusy`` or ``ModelRejected``."""
        try:
            yield
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise explain(error, self._clock.now()) from None
        except (anthropic.AnthropicError, json.JSONDecodeError) as error:
            # a proxy's page or a truncated line: the next run reads the results again
            raise ModelBusy(f"The API's answer cannot be read: {error}") from None

    async def _call[T](self, call: Callable[[Any], Awaitable[T]]) -> T:
        """Call the API with a client that supports batches, which the type of the clients does not
        express."""
        return await self.connection.call(lambda client, _: call(client))


def not_created(error: Exception, now_ms: int) -> NotAccepted | ModelRejected | CreationUnknown:
    """What an error of the SDK or the network means for a creation."""
    failure = explain(error, now_ms)
    if not isinstance(error, anthropic.APIStatusError):
        # only a failed connection is certain; in any other case the batch may exist and be paid for
        was_not_sent = isinstance(failure, ModelBusy) and not failure.may_be_billed
        return NotAccepted(failure.reason) if was_not_sent else CreationUnknown(failure.reason)
    # checked before errors of the content: these apply to all batches, whatever their content
    if error.status_code in FOR_AN_OPERATOR or error.error_code in SPENT:
        return NotAccepted(failure.reason, needs_operator=True)
    if isinstance(failure, ModelRejected):
        return failure
    if error.status_code in NOT_NOW:
        return NotAccepted(failure.reason, failure.retry_after)
    return CreationUnknown(failure.reason)


def body_of(requests: list[bytes]) -> bytes:
    """The body of a creation. Empties ``requests`` on the way, so that only one of them is in memory
    twice."""
    body = BytesIO()
    body.write(b'{"requests":[')
    requests.reverse()
    while requests:
        body.write(requests.pop())
        body.write(b"," if requests else b"]}")
    return body.getvalue()


def _remote(batch: MessageBatch) -> RemoteBatch:
    counts = batch.request_counts
    return RemoteBatch(
        api_id=batch.id,
        status=RemoteStatus(batch.processing_status),
        count=counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired,
        created_at=int(batch.created_at.timestamp() * 1000),
    )


def _result(line: Mapping[str, Any]) -> RequestResult:
    result = line["result"]
    outcome: ModelReply | ModelBusy | ModelRejected | UnprocessedReason
    match result["type"]:
        case "succeeded":
            try:
                outcome = reply_of(result["message"])
            except BeyondLimits as error:
                # no retry: the answer would be as long again, and this one was paid for
                used = bill_of(result["message"].get("usage") or {}, turns=1)
                outcome = ModelRejected(FailureCode.EXECUTION_ERROR, f"The model's answer {error}.", used)
            except (KeyError, TypeError):
                # paid for, but a retry may succeed: its estimate is counted
                outcome = ModelBusy("The model's answer cannot be read.", may_be_billed=True)
        case "errored":
            outcome = _error(result["error"]["error"])
        case kind if kind in UnprocessedReason:
            outcome = UnprocessedReason(kind)
        case kind:
            outcome = ModelBusy(f"The API's result {kind!r} is not known.", may_be_billed=True)
    return RequestResult(line["custom_id"], outcome)


def _error(error: Mapping[str, Any]) -> ModelBusy | ModelRejected:
    """As the error of a single call would be interpreted."""
    reason = f"The model's API answered {error['type']}: {redact(error['message'])}"
    if error["type"] in BUSY_TYPES:
        throttled = error["type"] in THROTTLED_TYPES
        return ModelBusy(reason, throttled=throttled, overloaded=error["type"] == OVERLOADED_TYPE)
    misconfigured = error["type"] in MISCONFIGURED_TYPES
    code = FailureCode.AGENT_MISCONFIGURED if misconfigured else FailureCode.EXECUTION_ERROR
    return ModelRejected(code, reason)
