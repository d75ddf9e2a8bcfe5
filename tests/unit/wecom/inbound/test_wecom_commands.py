"""Commands in a chat: what is one, and what people get by them."""

from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.domain.task import Artifact, Status
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConversationScope
from a2a_tasks.wecom.inbound.chat import chat_of
from a2a_tasks.wecom.inbound.commands import Command, CommandCall, command_of
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.protocol.bot_replies import CONTENT_BYTES
from tests.twins.deployment import agent
from tests.twins.model import answer, uses
from tests.unit.wecom.inbound.wecom_talk import HELPER, Talk


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("/new", CommandCall(Command.NEW)),
        ("／new", CommandCall(Command.NEW)),
        (" /NEW ", CommandCall(Command.NEW)),
        ("/new @小克", CommandCall(Command.NEW)),
        ("@小克 /取消", CommandCall(Command.CANCEL)),
        ("／取消。", CommandCall(Command.CANCEL)),
        ("/结果", CommandCall(Command.RESULT, 1, 1)),
        ("/结果2", CommandCall(Command.RESULT, 2, 1)),
        ("/result 2 3", CommandCall(Command.RESULT, 2, 3)),
        ("/结果 2-3", CommandCall(Command.RESULT, 2, 3)),
        ("取消", None),
        ("确认付款还是取消?", None),
        ("/new 3", None),
        ("@张三 解释 /new", None),
        ("/nothing", None),
        ("/", None),
        ("", None),
        ("@" * 10_000 + " /new", None),
    ],
)
def test_a_command_begins_with_a_slash_and_is_alone_but_for_mentions(
    text: str, call: CommandCall | None
) -> None:
    assert command_of(text) == call


def test_a_bot_whose_name_has_spaces_is_told_commands_in_a_group(talk: Talk) -> None:
    talk.connection = replace(HELPER, bot_name="AI 助手")
    assert talk.say("@AI 助手 /new", chat="g")["content"] == "已开始新的对话。"
    assert talk.deployment.store.tasks == {}


def test_the_word_for_cancel_answers_a_question(talk: Talk) -> None:
    talk.deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    question = "确认付款还是取消?"
    talk.deployment.model.on("付款", uses(("ask_user", {"question": question})), answer("已放弃付款。"))
    talk.say("付款")
    talk.work()
    second = talk.say("取消", message_id="m2")
    talk.work()
    assert talk.refresh(second["id"])["content"] == "已放弃付款。"


def test_people_are_told_things_in_the_language_of_the_connection_whatever_they_write(talk: Talk) -> None:
    for number, text in enumerate(("OK", "PDF", "https://example.com", "你好", "Hello")):
        assert talk.say(text, message_id=f"zh{number}")["content"] == "已收到。"
    talk.connection = replace(HELPER, language=Language.EN)
    for number, text in enumerate(("OK", "你好")):
        assert talk.say(text, message_id=f"en{number}")["content"] == "Got it."


def test_a_person_may_choose_their_own_language(talk: Talk) -> None:
    assert talk.say("/english", message_id="m1")["content"] == "All right, English from now on."
    assert talk.say("你好", message_id="m2")["content"] == "Got it."
    assert talk.say("/new", message_id="m3")["content"] == "A new conversation has begun."
    assert talk.say("你好", message_id="m4", user="HanMeimei")["content"] == "已收到。"
    assert talk.say("/中文", message_id="m5")["content"] == "好的，之后的提示用中文。"


def test_people_learn_by_which_ids_wecom_names_them(talk: Talk) -> None:
    assert talk.say("/id")["content"] == "你的用户 ID：LiLei"
    assert talk.say("/id", message_id="m2", chat="wrG")["content"] == "你的用户 ID：LiLei\n本群的 ID：wrG"


def test_who_may_not_write_learns_the_id_that_the_administrator_needs(talk: Talk) -> None:
    talk.connection = replace(HELPER, allowed_users=frozenset({"HanMeimei"}))
    refused = talk.say("你好", user="woOpaque123")
    assert refused["content"] == "你没有使用权限。请联系管理员，并告知你的用户 ID：woOpaque123"


def test_what_is_under_way_is_listed_by_its_age_without_ids(talk: Talk) -> None:
    talk.say("一")
    talk.deployment.clock.advance(180)
    talk.say("二", message_id="m2")
    shown = talk.say("/状态", message_id="m3")["content"]
    assert shown == "1. 排队中（3 分钟前提问）\n2. 排队中（不到 1 分钟前提问）"


class TestResults:
    def ask(self, talk: Talk, text: str, said: str, message_id: str, **who: Any) -> None:
        talk.deployment.model.on(text, answer(said))
        talk.say(text, message_id=message_id, **who)
        talk.work()

    def shown(self, talk: Talk, text: str, message_id: str, **who: Any) -> str:
        frame = talk.say(text, message_id=message_id, **who)
        assert frame["finish"]
        content: str = frame["content"]
        assert len(content.encode()) <= CONTENT_BYTES
        return content

    def test_the_latest_is_shown_again_and_those_before_it(self, talk: Talk) -> None:
        assert self.shown(talk, "/结果", "c0") == "还没有结果。"
        self.ask(talk, "一", "第一。", "m1")
        self.ask(talk, "二", "第二。", "m2")
        assert self.shown(talk, "/结果", "c1") == "第二。\n\n（更早的结果：发送 /结果 2）"
        assert self.shown(talk, "/result 2", "c2") == "第一。"
        assert "没有这么早的结果" in self.shown(talk, "/结果 3", "c3")
        assert "没有这么早的结果" in self.shown(talk, "/结果 1 2", "c4")

    def test_also_of_the_conversation_before(self, talk: Talk) -> None:
        self.ask(talk, "一", "第一。", "m1")
        talk.say("/new", message_id="n1")
        assert self.shown(talk, "/结果", "c1") == "第一。"

    def test_an_hour_after_the_question_without_a_fallback_it_is_there(self, talk: Talk) -> None:
        talk.deployment.model.on("慢", answer("终于好了。"))
        talk.say("慢")
        talk.deployment.work()
        talk.deployment.clock.advance(3_700)
        assert self.shown(talk, "/结果", "c1") == "终于好了。"

    def test_a_long_one_is_read_page_by_page(self, talk: Talk) -> None:
        talk.deployment.model.on("长", answer("长" * 20_000))
        begun = talk.say("长")
        talk.work()
        streamed = talk.refresh(begun["id"])["content"]
        pages = [self.shown(talk, f"/结果 1 {n}", f"p{n}").rpartition("\n\n") for n in (1, 2, 3, 4)]
        assert "".join(text for text, _, _ in pages) == "长" * 20_000
        assert streamed == "".join(pages[0])
        assert pages[0][2] == "（内容较长，这是第 1/4 页。发送 /结果 1 2 查看下一页。）"

    def test_links_are_made_when_they_are_asked_for_and_say_until_when_they_work(self, talk: Talk) -> None:
        self.ask(talk, "文件", "好。", "m1")
        (task,) = talk.deployment.store.tasks.values()
        files = tuple(Artifact(str(n), f"{n}.txt", "text/plain", key=f"k{n}") for n in range(40))
        talk.deployment.store.tasks[task.ref] = replace(task, artifacts=files)
        first = self.shown(talk, "/结果", "c1")
        assert "文件（链接有效至北京时间 09:00，过期后发送 /结果 可重新获取）：" in first
        talk.deployment.clock.advance(7_200)
        again = self.shown(talk, "/结果", "c2")
        assert "链接有效至北京时间 11:00" in again
        assert all(f"[{n}.txt](https://" in again for n in range(40))

    def test_a_question_that_the_agent_asks_is_one(self, talk: Talk) -> None:
        talk.deployment.registry.apply(agent(allowed_tools=("ask_user",)))
        talk.deployment.model.on("订票", uses(("ask_user", {"question": "去哪里?"})))
        talk.say("订票")
        talk.work()
        assert self.shown(talk, "/结果", "c1") == "去哪里?"

    def test_those_of_another_chat_are_not(self, talk: Talk) -> None:
        self.ask(talk, "一", "秘密。", "m1")
        assert self.shown(talk, "/结果", "c1", user="HanMeimei") == "还没有结果。"
        assert self.shown(talk, "/结果", "c2", chat="g") == "还没有结果。"
        talk.connection = replace(HELPER, conversation=ConversationScope.GROUP)
        talk.deployment.model.then(answer("大家的。"))
        talk.say("二", message_id="m2", chat="g")
        talk.work()
        assert self.shown(talk, "/结果", "c3", user="HanMeimei", chat="g") == "大家的。"

    def test_what_was_canceled_is_none(self, talk: Talk) -> None:
        talk.say("一")
        talk.say("/取消", message_id="m2")
        assert [task.status for task in talk.deployment.store.tasks.values()] == [Status.CANCELED]
        assert self.shown(talk, "/结果", "c1") == "还没有结果。"

    def test_asking_for_them_counts_as_a_question(self) -> None:
        talk = Talk(rate=Rate(per_hour=1, burst=1))
        assert self.shown(talk, "/结果", "c1") == "还没有结果。"
        assert self.shown(talk, "/结果", "c2").startswith("提问太频繁")

    def test_an_application_is_told_that_it_is_sent_once_more(self, talk: Talk) -> None:
        desk = Connection("desk", "demo", ConnectionKind.APP, "arn", 0, agent_id="writer", app_id="1")
        talk.connection = desk
        self.ask(talk, "一", "第一。", "m1")
        chat = chat_of(talk.chats, desk, "LiLei", None)
        call = CommandCall(Command.RESULT)
        for _ in range(2):  # WeCom's second delivery is the same
            assert talk.bot().commander.execute(call, chat, "k1", "request-1") == "正在发送，请稍候。"
        first, second = talk.deployment.chat_deliveries.sent
        assert first == second
        assert first.resend is not None
        assert (first.resend.connection_id, first.resend.user_id) == ("desk", "LiLei")
