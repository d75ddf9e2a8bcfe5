"""Waiting for asyncio's futures, and ending them."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def cancel(*futures: asyncio.Future[Any]) -> None:
    """Cancel them, and wait until nothing of them continues."""
    for each in futures:
        each.cancel()
    await asyncio.gather(*futures, return_exceptions=True)


async def first_of(futures: Iterable[asyncio.Future[Any]], *steps: Coroutine[Any, Any, object]) -> None:
    """Wait until one of the futures or of the steps is done. The steps end with the wait, the futures go
    on."""
    begun = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.wait({*futures, *begun}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(*begun)
