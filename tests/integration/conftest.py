"""An AWS account in memory for the tests of this directory, and the functions on it."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType
from unittest.mock import patch

import pytest
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.core.models import MockAWS
from moto.kms import models as kms
from moto.kms.utils import generate_private_key

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.ports.tasks import TaskStore
from local.standin import conversation
from local.standin.client import StandInClient
from local.standin.running import running_standin
from local.wecom.client import WeComClient
from local.wecom.running import running_wecom
from tests.integration.support.account import (
    AGENT,
    OTHER_AGENT,
    OTHER_PROJECT,
    PROJECT,
    Account,
    account_of,
    open_account,
)
from tests.integration.support.aws_calls import AwsCalls
from tests.integration.support.caller import Caller
from tests.integration.support.cold_start import cold_start
from tests.integration.support.moto.answers import quick_answers
from tests.integration.support.moto.expressions import quick_expressions
from tests.integration.support.moto.quick_sdk import quick_sdk
from tests.integration.support.moto.requests import quick_requests
from tests.integration.support.moto.stacks import quick_stacks
from tests.integration.support.moto.state import MotoState, unversioned_items
from tests.integration.support.worker import Worker
from tests.twins.stores.tasks import MemoryTaskStore

UNLIMITED = {"REQUESTS_PER_HOUR": "0", "TASK_CREATIONS_PER_HOUR": "0", "OPEN_STREAMS": "0"}
"""No rate limits, so that no answer depends on those before it; limits have tests of their own."""


@pytest.fixture(scope="session", autouse=True)
def sdk() -> Iterator[None]:
    with quick_sdk():
        yield


@pytest.fixture(scope="session", autouse=True)
def prompt_replies() -> Iterator[None]:
    """It takes two seconds for what no directive tells it to say, so that a person sees it come."""
    with patch.object(conversation, "UNSCRIPTED_SECONDS", 0.0):
        yield


@pytest.fixture(scope="module")
def moto() -> Iterator[MockAWS]:
    # it makes a pair of RSA keys with each key, also with one that encrypts, which takes a tenth of a second
    keys = patch.object(kms, "generate_private_key", functools.cache(generate_private_key))
    with mock_aws() as mock, keys, quick_requests(), quick_answers(), quick_expressions(), quick_stacks():
        yield mock


@pytest.fixture
def account(request: pytest.FixtureRequest, moto: MockAWS) -> Iterator[Account]:  # noqa: ARG001  switches it on
    """An empty account; with the agents of ``agents`` where the test asks for them."""
    state, resources = _new_account(with_agents="agents" in request.fixturenames)
    state.put_back()
    calls = AwsCalls()
    with calls.watching():
        yield account_of(calls, resources)
    assert unversioned_items() == [], "each item has the version of the stored format"
    assert calls.denied == [], "a function called what its role does not allow"
    assert calls.unmet == [], "a call was to fail that nobody made"


@functools.cache
def _new_account(*, with_agents: bool) -> tuple[MotoState, dict[str, str]]:
    """Made once in a process."""
    if with_agents:
        empty, resources = _new_account(with_agents=False)
        empty.put_back()
        account = account_of(AwsCalls(), resources)
        account.add_agent(AGENT, PROJECT)
        account.add_agent(OTHER_AGENT, OTHER_PROJECT)
    else:
        BackendDict.reset()
        resources = open_account(AwsCalls()).resources
    return MotoState.now(), resources


@pytest.fixture
def agents(account: Account) -> Account:
    """The account with an agent in each of two projects; fixtures before this one find them too."""
    account.calls.made.clear()
    return account


@pytest.fixture(params=["dynamodb", "memory"])
def store(request: pytest.FixtureRequest) -> TaskStore:
    """An empty task store of either kind: a test with it states what both must do."""
    if request.param == "memory":
        return MemoryTaskStore()
    opened: TaskStore = request.getfixturevalue("account").store
    return opened


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> int:
    """The present, at which all clocks stand still: midnight may be near, or a cache expire."""
    moment = SystemClock().now()
    monkeypatch.setattr(SystemClock, "now", lambda _: moment)
    return moment


@pytest.fixture
def start(account: Account) -> Iterator[Callable[..., ModuleType]]:
    """Cold-start a function by name; keyword arguments replace variables of its environment."""
    with ExitStack() as stack:
        yield lambda name, **overrides: stack.enter_context(cold_start(name, account, overrides))


@pytest.fixture
def api(agents: Account, start: Callable[..., ModuleType]) -> ModuleType:  # noqa: ARG001  fills the account
    return start("api", **UNLIMITED)


@pytest.fixture
def caller(api: ModuleType) -> Caller:
    return Caller(api.handler, PROJECT)


@pytest.fixture
def rival(api: ModuleType) -> Caller:
    """A caller of another project."""
    return Caller(api.handler, OTHER_PROJECT)


@pytest.fixture
def start_worker(
    agents: Account, start: Callable[..., ModuleType], claude: StandInClient
) -> Callable[..., Worker]:
    """Cold-start a worker that calls the stand-in; keyword arguments as for ``start``."""
    settings = {
        "CLAUDE_BASE_URL": claude.base_url,
        # longer than any machine stands still
        "MODEL_READ_TIMEOUT_SECONDS": "60",
        # the worker is one of many modules in this process, whose memory is beyond a function's after some
        # hundred tests: it would put messages back
        "WORKER_MEMORY": "100000",
    }
    return lambda **overrides: Worker.of(start("worker", **settings | overrides), agents)


@pytest.fixture
def worker(start_worker: Callable[..., Worker]) -> Worker:
    return start_worker()


@pytest.fixture(scope="module")
def shared_claude() -> Iterator[StandInClient]:
    with running_standin() as standin:
        yield standin


@pytest.fixture
def claude(shared_claude: StandInClient) -> StandInClient:
    """The stand-in for Claude's API, with nothing called yet."""
    shared_claude.reset()
    return shared_claude


@pytest.fixture(scope="module")
def shared_wecom() -> Iterator[WeComClient]:
    """A double of WeCom; a test gives it its settings, and it forgets all else with that."""
    with running_wecom() as wecom:
        yield wecom
