"""Files created by code execution, through the ``anthropic`` SDK."""

import asyncio
from dataclasses import dataclass

import anthropic
import httpx2

from a2a_tasks.adapters.claude.backends import Client
from a2a_tasks.adapters.claude.connection import ClaudeConnection
from a2a_tasks.adapters.claude.errors import explain
from a2a_tasks.domain.agents.backend import HAS_FILES
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import ModelBusy, ModelFile, ModelFileUnavailable, ModelRejected

SECONDS = 30.0
"""Timeout of a whole download. A read timeout does not end one that trickles."""


@dataclass(frozen=True)
class ClaudeFiles:
    """``ModelFiles`` on backends that support them."""

    connection: ClaudeConnection
    clock: Clock
    seconds: float = SECONDS

    async def fetch(self, file_id: str, max_bytes: int) -> ModelFile:
        if self.connection.backend not in HAS_FILES:
            raise ModelFileUnavailable("this deployment reaches Claude where there are no files")
        try:
            async with asyncio.timeout(self.seconds):
                return await self.connection.call(lambda client, _: _fetch(client, file_id, max_bytes))
        except TimeoutError:
            # any error here only costs the file: the turn that produced it is paid for and continues
            raise ModelFileUnavailable(f"it did not come within {self.seconds:g} s", may_come=True) from None
        except (anthropic.APIError, httpx2.HTTPError) as error:
            failure = explain(error, self.clock.now())
            raise ModelFileUnavailable(failure.reason, may_come=isinstance(failure, ModelBusy)) from None
        except ModelRejected as rejected:
            raise ModelFileUnavailable(rejected.reason) from None


async def _fetch(client: Client, file_id: str, max_bytes: int) -> ModelFile:
    if isinstance(client, anthropic.AsyncAnthropicBedrockMantle):
        raise ModelFileUnavailable("Bedrock has no files")
    about = await client.files.retrieve_metadata(file_id)
    # checked before the download, and again during it, because the announced size may be wrong
    if about.size_bytes > max_bytes:
        raise _too_large(about.filename, max_bytes)
    data = bytearray()
    async with client.files.with_streaming_response.download(file_id) as response:
        async for piece in response.iter_bytes():
            data += piece
            if len(data) > max_bytes:
                raise _too_large(about.filename, max_bytes)
    return ModelFile(about.filename, about.mime_type, bytes(data))


def _too_large(name: str, max_bytes: int) -> ModelFileUnavailable:
    return ModelFileUnavailable(f"it has more than {max_bytes} bytes", name)
