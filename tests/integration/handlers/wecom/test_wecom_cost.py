"""What a message and a refresh cost in calls of AWS: the real handler, on the account in memory."""

import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.wecom.inbound.stream_refresh import RECENT_MS
from local.wecom.client import WeComClient
from local.wecom.settings import Settings
from tests.integration.handlers.wecom.test_wecom_handler import Start, connect
from tests.integration.support.account import AGENT, Account
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.task_units import task_units
from tests.integration.support.wecom.callbacks import refresh, to_app, to_bot

MOST_CALLS = 9
"""Of a message, before WeCom has its answer, in a process that has answered some seconds ago."""

type Brings = Callable[[dict[str, Any]], list[str]]


@pytest.fixture
def brings(agents: Account, start: Start, shared_wecom: WeComClient) -> Brings:
    """Let WeCom bring something; the calls that it takes."""
    shared_wecom.use(Settings())
    connect(agents, shared_wecom)
    function: ModuleType = start("wecom")

    def bring(event: dict[str, Any]) -> list[str]:
        agents.calls.made.clear()
        answer = function.handler(event, LambdaContext())
        assert (answer["statusCode"], bool(answer["body"])) == (200, True)
        return [call.operation for call in agents.calls.made]

    return bring


@pytest.mark.parametrize("asks", [partial(to_bot, "helper"), partial(to_app, "desk")], ids=["bot", "app"])
def test_a_message_is_at_most_nine_calls_before_its_answer(
    brings: Brings, monkeypatch: pytest.MonkeyPatch, asks: Callable[[Any], dict[str, Any]]
) -> None:
    brings(asks("1"))
    later = time.time_ns() // 1_000_000 + 5_000
    monkeypatch.setattr(SystemClock, "now", lambda _: later)
    calls = brings(asks("2"))
    assert len(calls) <= MOST_CALLS, calls


def test_a_message_that_comes_again_makes_nothing_twice(brings: Brings, agents: Account) -> None:
    for _ in range(3):
        brings(to_bot("helper", "once"))
    assert len(agents.store.page(AGENT, None, 10, None).tasks) == 1


def test_every_other_refresh_is_answered_from_memory(
    brings: Brings, agents: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    brings(to_bot("helper", "asked"))
    (task,) = agents.store.page(AGENT, None, 10, None).tasks
    asked = refresh("helper", task.ref.task_id)
    assert brings(asked) == ["Query", "GetItem"]
    assert brings(asked) == []
    later = time.time_ns() // 1_000_000 + RECENT_MS
    monkeypatch.setattr(SystemClock, "now", lambda _: later)
    assert brings(asked) == ["Query", "GetItem"]


def test_an_answer_of_a_minute_is_read_for_seventeen_units(
    brings: Brings, agents: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a unit for each of the thirty refreshes that read, two looks at the task, and the connection."""
    brings(to_bot("helper", "asked"))
    (task,) = agents.store.page(AGENT, None, 10, None).tasks
    live, units = DynamoDBLive(agents.dynamodb, agents.resources["TasksTable"]), task_units()
    begun = time.time_ns() // 1_000_000
    for second in range(60):
        monkeypatch.setattr(SystemClock, "now", lambda _, at=begun + second * 1000: at)
        if second % 2 == 0 and second > 2:
            live.append(task.ref.task_id, LiveChunk(1, 1, second, "一" * 80), 0)
        with units.metering():
            brings(refresh("helper", task.ref.task_id))
    assert units.take() == (0, 17)
