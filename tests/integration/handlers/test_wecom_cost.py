"""What a message and a refresh cost in calls of AWS: the real handler, on the account in memory."""

import json
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.wecom.inbound.stream_refresh import RECENT_MS
from local.wecom.callbacks.envelope import Envelope
from local.wecom.client import WeComClient
from local.wecom.settings import App, Bot, Settings
from tests.integration.handlers.test_wecom_handler import Start, connect
from tests.integration.support.account import Account
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.wecom_gateway import callback_event

MOST_CALLS = 8
"""Of a message, before WeCom has its answer."""

type Brings = Callable[[dict[str, Any] | str], list[str]]


@pytest.fixture
def function(agents: Account, start: Start, shared_wecom: WeComClient) -> ModuleType:
    shared_wecom.use(Settings())
    connect(agents, shared_wecom)
    return start("wecom")


@pytest.fixture
def brings(agents: Account, function: ModuleType) -> Brings:
    """Let WeCom bring something to the bot (JSON) or the application (XML); the calls that it takes."""

    def bring(message: dict[str, Any] | str) -> list[str]:
        is_bot, now = isinstance(message, dict), time.time_ns() // 1_000_000
        own: Bot | App = Bot() if is_bot else App()
        receive_id = "" if isinstance(own, Bot) else own.corp_id
        text = json.dumps(message) if is_bot else str(message)
        sealed = Envelope(own.token, own.encoding_aes_key, receive_id).seal(text, now)
        body = json.dumps({"encrypt": sealed.encrypt})
        if not is_bot:
            body = f"<xml><Encrypt>{sealed.encrypt}</Encrypt></xml>"
        agents.calls.made.clear()
        event = callback_event("POST", "helper" if is_bot else "desk", sealed.query, body.encode())
        answer = function.handler(event, LambdaContext())
        assert (answer["statusCode"], bool(answer["body"])) == (200, True)
        return [call.operation for call in agents.calls.made]

    return bring


def to_bot(message_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "msgid": message_id,
        "aibotid": Bot().bot_id,
        "chattype": "single",
        "from": {"userid": "LiLei"},
        "response_url": "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=c",
        "msgtype": "text",
        "text": {"content": "你好"},
    } | fields


def to_app(message_id: int) -> str:
    app = App()
    return (
        f"<xml><ToUserName>{app.corp_id}</ToUserName><FromUserName>LiLei</FromUserName>"
        f"<CreateTime>{int(time.time())}</CreateTime><MsgType>text</MsgType><Content>你好</Content>"
        f"<MsgId>{message_id}</MsgId><AgentID>{app.agent_id}</AgentID></xml>"
    )


def test_a_message_is_at_most_eight_calls_before_its_answer(brings: Brings) -> None:
    brings(to_bot("first"))
    brings(to_app(1))
    for calls in (brings(to_bot("second")), brings(to_app(2))):
        assert len(calls) <= MOST_CALLS, calls


def test_a_message_that_comes_again_makes_nothing_twice(brings: Brings, agents: Account) -> None:
    for _ in range(3):
        brings(to_bot("once"))
    assert len(agents.store.page("assistant", None, 10, None).tasks) == 1


def test_every_other_refresh_is_answered_from_memory(
    brings: Brings, agents: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    brings(to_bot("asked"))
    (task,) = agents.store.page("assistant", None, 10, None).tasks
    refresh = to_bot("refresh", msgtype="stream", stream={"id": task.ref.task_id})
    assert brings(refresh) == ["Query", "GetItem"]
    assert brings(refresh) == []
    later = time.time_ns() // 1_000_000 + RECENT_MS
    monkeypatch.setattr(SystemClock, "now", lambda _: later)
    assert brings(refresh) == ["Query", "GetItem"]
