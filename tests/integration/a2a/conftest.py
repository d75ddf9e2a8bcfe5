"""The A2A function on an account with agents, and a client of it."""

from collections.abc import Callable
from types import ModuleType

import pytest

from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import PROJECT, Account


@pytest.fixture
def app(agents: Account, start: Callable[..., ModuleType]) -> ModuleType:  # noqa: ARG001  fills the account
    return start("a2a")


@pytest.fixture
def client(app: ModuleType) -> A2ACaller:
    return A2ACaller(app.handler, PROJECT)


@pytest.fixture
def now(app: ModuleType) -> int:
    """The present of the function's own clock."""
    moment: int = app.agent_handler.clock.now()
    return moment
