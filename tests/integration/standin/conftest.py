"""A stand-in, and the real SDK as its client."""

from collections.abc import AsyncIterator, Iterator

import pytest
from anthropic import AsyncAnthropic

from local.standin.client import StandInClient
from local.standin.running import running_standin


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_standin() -> Iterator[StandInClient]:
    with running_standin() as standin:
        yield standin


@pytest.fixture
def standin(shared_standin: StandInClient) -> StandInClient:
    shared_standin.reset()
    return shared_standin


@pytest.fixture
async def claude(standin: StandInClient) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=standin.base_url, api_key="sk-ant-test", max_retries=0) as client:
        yield client
