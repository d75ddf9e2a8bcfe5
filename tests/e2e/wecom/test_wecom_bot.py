"""People in WeCom talk with an agent: the double of WeCom, the real template on the emulator."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import docx
import pytest

from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.wecom.exchange import ExchangeRef
from local.deployed import Deployed, Project, wait_until
from local.wecom.client import WeComClient
from local.wecom.exchange import Exchange, Outcome
from local.wecom.people import BotUser, file, mixed, text
from local.wecom.running import running_wecom
from local.wecom.settings import Bot, Settings
from local.wecom_connection import connect_bot
from tests.e2e.test_agent_loop import script, tool, toolbox

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Chat:
    """A bot of the project's agent ``toolbox``, and people who write to it."""

    deployed: Deployed
    project: Project
    wecom: WeComClient
    agent_id: str

    def person(self, user: str = "LiLei", chat_id: str = "") -> BotUser:
        return BotUser(self.wecom, user, chat_id)

    def asks(self, content: Any, person: BotUser | None = None, **manner: Any) -> Exchange:
        who = person or self.person()
        begun = who.say(content, **manner) if isinstance(content, str) else who.send(content, **manner)
        return self.wecom.ended(begun)

    def tasks(self) -> list[dict[str, Any]]:
        path = f"/a2a/{self.agent_id}/tasks?limit=100"
        listed: list[dict[str, Any]] = self.project.request("GET", path).json()["tasks"]
        return [task for task in listed if task.get("sessionId", "").startswith("wecom-")]


@pytest.fixture(scope="module")
def chat(deployed: Deployed, project: Project) -> Iterator[Chat]:
    with running_wecom() as wecom:
        agent_id = toolbox(project)
        url = connect_bot(deployed.stack, deployed.deployment, wecom, "helper", project.project_id, agent_id)
        # one machine does all of it, and starts processes for it: WeCom is more patient here
        settings = Settings(refresh_seconds=0.3, answer_seconds=30.0, verification_seconds=30.0)
        wecom.use(replace(settings, bot=Bot(callback_url=url)))
        yield Chat(deployed, project, wecom, agent_id)
        assert wecom.seen().violations == []


def test_the_url_is_verified(chat: Chat) -> None:
    verification = chat.wecom.verify_bot_url()
    assert (verification.is_verified, verification.problem) == (True, "")


def test_an_answer_grows_in_the_chat_until_it_is_whole(chat: Chat) -> None:
    steps = (
        tool("report_progress", step="查资料", percent=10) + "; say=我先查一下。",
        "delay=6; say=查好了。",
    )
    answered = chat.asks(f"{script(*steps)} wecom-stream 查一下")
    shown = list(dict.fromkeys(frame.content for frame in answered.frames))
    task_id = answered.stream_ids[0]
    assert shown[0] == "已收到。"
    assert "我先查一下。\n\n> 查资料（10%）…" in shown[1:-1], shown
    assert (answered.outcome, shown[-1]) == (Outcome.DONE, "查好了。")
    task = chat.project.request("GET", f"/a2a/{chat.agent_id}/tasks/{task_id}").json()
    assert task["status"] == "completed"


def test_three_deliveries_at_once_are_one_task_and_one_answer(chat: Chat) -> None:
    before = len(chat.tasks())
    answered = chat.asks("[[standin: say=一次。]] wecom-three 你好", chat.person("WangWu"), copies=3)
    assert (answered.outcome, answered.shown) == (Outcome.DONE, "一次。")
    assert len(set(answered.stream_ids)) == 1
    assert len(chat.tasks()) == before + 1
    told = [one.text for one in chat.wecom.seen().deliveries]
    assert told.count("一次。") == 1


def test_in_a_group_everybody_has_a_conversation(chat: Chat) -> None:
    group = "wrEndToEnd"
    for user in ("LiLei", "HanMeimei"):
        answered = chat.asks("[[standin: echo]] wecom-group", chat.person(user, group))
        assert answered.outcome == Outcome.DONE
        assert "@Helper" not in answered.shown
    bodies = chat.deployed.standin.bodies("wecom-group")
    assert [len(body["messages"]) for body in bodies] == [1, 1]


def test_an_image_reaches_the_agent(chat: Chat) -> None:
    person = chat.person("WangWei")
    answered = chat.asks(mixed(text("[[standin: say=一个点。]] wecom-image"), file(PIXEL, "image")), person)
    assert answered.shown == "一个点。"
    (body,) = chat.deployed.standin.bodies("wecom-image")
    kinds = [block["type"] for block in body["messages"][0]["content"]]
    assert kinds == ["text", "text", "image"], "who wrote, and what"


def test_an_office_file_reaches_the_agent_as_text(chat: Chat) -> None:
    """The worker's own layer has the parsers, and its process may start another."""
    document, saved = docx.Document(), io.BytesIO()
    document.add_paragraph("第三季度增长 8%。")
    document.save(saved)
    asked = "[[standin: say=增长了。]] wecom-office"

    answered = chat.asks(asked, chat.person("ZhaoMin"), quote=file(saved.getvalue()))

    assert answered.shown == "增长了。"
    (body,) = chat.deployed.standin.bodies("wecom-office")
    (shown,) = [block for block in body["messages"][0]["content"] if block["type"] == "document"]
    assert shown["source"]["data"] == "<p>第三季度增长 8%。</p>"


def test_a_button_answers_the_question_and_the_answer_comes_by_itself(chat: Chat) -> None:
    person = chat.person("SunLi")
    ask = tool("ask_user", question="哪个区域?", options=["华东", "华北"])
    asked = chat.asks(f"{script(ask, 'say=华东增长 8%。')} wecom-button 销售", person)

    pressed = chat.wecom.ended(person.press(asked.card, "华东"))

    assert (asked.outcome, pressed.outcome) == (Outcome.DONE, Outcome.DONE)
    wait_until(lambda: chat.wecom.seen().texts("SunLi", "aibot/response"), 90, "the answer to SunLi")
    assert chat.wecom.seen().texts("SunLi", "aibot/response") == ["华东增长 8%。"]


def test_a_question_is_answered_by_the_next_message(chat: Chat) -> None:
    person = chat.person("ZhangSan")
    asked = chat.asks(
        f"{script(tool('ask_user', question='去哪里?'), 'say=已预订。')} wecom-ask 订票", person
    )
    assert (asked.outcome, asked.shown) == (Outcome.DONE, "去哪里?")
    answered = chat.asks("巴黎", person)
    assert (answered.outcome, answered.shown) == (Outcome.DONE, "已预订。")
    assert answered.stream_ids[0].partition(".")[0] == asked.stream_ids[0]


def test_a_conversation_begins_anew_and_work_is_canceled(chat: Chat) -> None:
    person = chat.person("LiSi")
    chat.asks("[[standin: say=好。]] wecom-anew 一", person)
    assert chat.asks("/new", person).shown == "已开始新的对话。"
    chat.asks("[[standin: say=好。]] wecom-again 二", person)
    assert [len(body["messages"]) for body in chat.deployed.standin.bodies("wecom-again")] == [1]
    chat.asks("/new", person)
    begun = person.say("[[standin: delay=60; say=不会。]] wecom-cancel")
    wait_until(lambda: chat.deployed.standin.bodies("wecom-cancel"), 30, "the call of Claude")
    assert chat.asks("/取消", person).shown == "已取消 1 个任务。"
    assert chat.wecom.ended(begun).shown == "任务已取消。"


def test_an_opinion_is_kept(chat: Chat) -> None:
    person = chat.person("ZhaoLiu")
    answered = chat.asks("[[standin: say=好。]] wecom-opinion", person)
    assert chat.wecom.ended(person.rate(answered, 1)).outcome == Outcome.EMPTY
    exchanges = DynamoDBExchanges(chat.deployed.client("dynamodb"), chat.deployed.outputs["TasksTable"])
    exchange = exchanges.get(ExchangeRef(answered.stream_ids[0]))
    assert exchange is not None
    assert exchange.feedback is not None
    assert exchange.feedback.type == 1


def test_a_stranger_is_refused(chat: Chat) -> None:
    own = chat.wecom.settings()
    try:
        chat.wecom.use(replace(own, bot=replace(own.bot, token="anotherToken")))
        assert chat.wecom.verify_bot_url().problem == "status 403"
    finally:
        chat.wecom.use(own)
