"""A double whose time jumps, a plain HTTP client of its API, and callback URLs that tests answer."""

from collections.abc import Iterator

import httpx
import pytest

from local.wecom.client import WeComClient
from local.wecom.people import AppUser, BotUser
from local.wecom.running import running_wecom
from local.wecom.settings import App, Bot, Settings
from tests.integration.wecom_double.double import CLOCK
from tests.integration.wecom_double.receiver import AppReceiver, BotReceiver, Receiver, receiving


@pytest.fixture(scope="session")
def shared_wecom() -> Iterator[WeComClient]:
    with running_wecom(clock=CLOCK) as wecom:
        yield wecom


@pytest.fixture
def wecom(shared_wecom: WeComClient) -> WeComClient:
    shared_wecom.use(Settings())
    return shared_wecom


@pytest.fixture
def api(wecom: WeComClient) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=wecom.api_url, trust_env=False) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(CLOCK) as receiver:
        yield receiver


@pytest.fixture
def bot(wecom: WeComClient, receiver: Receiver) -> BotReceiver:
    wecom.use(Settings(bot=Bot(callback_url=receiver.url), verification_seconds=5.0))
    bot = BotReceiver(receiver, wecom.settings().bot)
    bot.api_url = wecom.base_url
    return bot


@pytest.fixture
def app(wecom: WeComClient, receiver: Receiver) -> AppReceiver:
    wecom.use(Settings(app=App(callback_url=receiver.url), verification_seconds=5.0))
    return AppReceiver(receiver, wecom.settings().app)


@pytest.fixture
def lilei(wecom: WeComClient) -> BotUser:
    return BotUser(wecom)


@pytest.fixture
def app_user(wecom: WeComClient) -> AppUser:
    return AppUser(wecom)
