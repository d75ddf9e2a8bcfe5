"""The model on the Messages API, through the ``anthropic`` SDK. Imported only by the worker, because it takes
a second."""

import json
from collections.abc import Mapping
from typing import Any, cast

import anthropic
import httpx2

from a2a_tasks.adapters.claude.backends import Client
from a2a_tasks.adapters.claude.connection import ClaudeConnection
from a2a_tasks.adapters.claude.errors import explain
from a2a_tasks.adapters.claude.reply import BrokenReply, ReplyBuilder
from a2a_tasks.adapters.claude.request import headers, parameters
from a2a_tasks.adapters.claude.usage import charges_for_code
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.text.json_limits import BeyondLimits
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import Draft, ModelBusy, ModelRejected, ModelReply, ModelRequest


class ClaudeModel:
    """``Model`` on any backend."""

    def __init__(self, connection: ClaudeConnection, clock: Clock) -> None:
        self.connection = connection
        self._clock = clock

    async def turn(self, request: ModelRequest, draft: Draft) -> ModelReply:
        # covers all attempts, so that no error puts a token into a log
        carried: set[str] = set()

        async def stream(client: Client, tokens: Mapping[str, str]) -> ModelReply:
            carried.update(tokens.values())
            return await self._stream(client, tokens, request, draft)

        try:
            return await self.connection.call(stream, request.mcp_servers)
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise explain(error, self._clock.now(), used=draft.usage, secrets=carried) from None
        except json.JSONDecodeError:
            # the call was answered and billed; the next answer may be readable
            reason = "The model's answer cannot be read."
            raise ModelBusy(reason, used=draft.usage, may_be_billed=True) from None
        except BeyondLimits as error:
            # no retry: the same request would produce it again
            raise ModelRejected(FailureCode.EXECUTION_ERROR, f"The model's answer {error}.") from None
        except BrokenReply:
            # it can neither be sent back nor executed; a retry may call the tool correctly
            raise ModelBusy(
                "The model called a tool with input that is not a JSON object.", used=draft.usage
            ) from None

    async def _stream(
        self, client: Client, tokens: Mapping[str, str], request: ModelRequest, draft: Draft
    ) -> ModelReply:
        backend = self.connection.backend
        builder = ReplyBuilder(
            draft,
            shows_updates=request.prompt.shows_updates,
            charges_for_code=charges_for_code(request.prompt.tools),
        )
        stream = await client.post(
            "/v1/messages",
            body=parameters(request, backend, tokens) | {"stream": True},
            options={"headers": headers(request.prompt, backend)},
            cast_to=object,
            stream=True,
            stream_cls=anthropic.AsyncStream[object],
        )
        async with stream:
            async for event in stream:
                builder.add(cast("dict[str, Any]", event))
                # the service has accepted the call: the pace need not wait for the end of a long turn
                draft.begun.set()
        # an interrupted stream ends without an error, and is billed as far as it got
        if not builder.is_complete:
            raise ModelBusy("The model's answer was cut off.", used=draft.usage, may_be_billed=True)
        return builder.reply()
