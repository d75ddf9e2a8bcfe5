"""Calls of the model whose timing a test decides, so that it does not depend on how fast the machine is."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from unittest.mock import patch

import httpx2

from local.standin.replies.playback import Playback

GATHER_SECONDS = 60.0


@contextmanager
def gives_up(text: str, seconds: float) -> Iterator[None]:
    """A call whose request has this text waits only so long for each part of its reply."""
    send = httpx2.AsyncHTTPTransport.handle_async_request

    async def with_patience(transport: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if text.encode() in await request.aread():
            request.extensions["timeout"] = request.extensions["timeout"] | {"read": seconds}
        return await send(transport, request)

    with patch.object(httpx2.AsyncHTTPTransport, "handle_async_request", with_patience):
        yield


@contextmanager
def together(count: int) -> Iterator[None]:
    """The stand-in begins no reply before so many calls are open at once; after a minute it begins all the
    same, and has recorded that they were fewer."""
    play, all_are_open = Playback.play, asyncio.Event()

    async def play_together(playback: Playback) -> None:
        if playback.log.concurrency("").max_open >= count:
            all_are_open.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                await all_are_open.wait()
        await play(playback)

    with patch.object(Playback, "play", play_together):
        yield
