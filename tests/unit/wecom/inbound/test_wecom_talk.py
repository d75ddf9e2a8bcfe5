"""Talking with a bot: one task and one exchange for each message, whatever crashes, and what is shown."""

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.domain.ids import CONTEXT_ID
from a2a_tasks.domain.task import Progress, Status, TaskRef
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.wecom.connection import ConversationScope
from a2a_tasks.wecom.exchange import URL_MS, DeliveryClaim, DeliveryMeans, ExchangeRef, ExchangeState
from a2a_tasks.wecom.inbound.chat import chat_key, context_id
from a2a_tasks.wecom.inbound.messages import PATIENCE_MS
from a2a_tasks.wecom.inbound.stream_refresh import MOST_RECENT, RECENT_MS
from a2a_tasks.wecom.protocol.bot_messages import (
    BotMedia,
    BotMixed,
    BotOrigin,
    BotText,
    BotUnsupported,
    FeedbackEvent,
    StreamRefresh,
)
from a2a_tasks.wecom.protocol.bot_replies import CONTENT_BYTES
from a2a_tasks.wecom.protocol.crypto import DecryptedMessage
from tests.integration.support.stored_task import claimed, given_back
from tests.integration.support.texts import incompressible
from tests.twins.deployment import MAX_TIMEOUT_MS, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import after, answer, uses
from tests.unit.wecom.inbound.wecom_talk import HELPER, KEY, Talk, dying_everywhere

ORIGIN = BotOrigin("refresh", "aib1", "LiLei", None, None, None)


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.fixture
def asker(talk: Talk) -> Talk:
    """The agent asks twice before it answers ``Book.``."""
    talk.deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    talk.deployment.model.on(
        "Book.",
        uses(("ask_user", {"question": "Where to?"}), prefix="first"),
        uses(("ask_user", {"question": "When?"}), prefix="second"),
        answer("Booked."),
    )
    return talk


def test_a_message_becomes_a_task_and_its_answer_the_end_of_the_stream(talk: Talk) -> None:
    talk.deployment.model.then(answer("Hello."))
    begun = talk.say("Hi there.")
    (exchange,) = talk.kept()
    assert begun == {
        "id": exchange.ref.task_id,
        "finish": False,
        "content": "已收到。",
        "feedback": {"id": exchange.ref.task_id},
    }
    assert talk.refresh(begun["id"])["content"] == "已收到，正在排队。"
    talk.work()
    ended = talk.refresh(begun["id"])
    assert (ended["content"], ended["finish"]) == ("Hello.", True)
    assert talk.refresh(begun["id"]) == ended


@pytest.mark.parametrize("kind", ["crash before", "crash after", "fault before", "fault after"])
def test_a_message_that_failed_anywhere_is_one_task_when_it_comes_again(kind: str) -> None:
    fault = Crash("here") if kind.startswith("crash") else StoreUnavailable("here")
    for number in range(1, dying_everywhere(lambda points: Talk().say("Hi.", points)) + 1):
        talk = Talk()
        points = Failpoints(crash_at=number, crash_after=kind.endswith("after"))
        if not isinstance(fault, Crash):
            points = _failing_at(number, fault, after_it=kind.endswith("after"))
        with contextlib.suppress(Crash, StoreUnavailable):
            talk.say("Hi.", points)
        again = talk.say("Hi.")
        talk.deployment.clock.advance(60)
        talk.deployment.sweep()
        talk.work()
        assert (len(talk.deployment.store.tasks), len(talk.kept())) == (1, 1), number
        assert talk.refresh(again["id"])["finish"], number


@pytest.mark.parametrize("is_after", [False, True])
def test_an_answer_that_died_anywhere_is_given_once_when_it_comes_again(is_after: bool) -> None:
    def asked() -> Talk:
        talk = Talk()
        talk.deployment.registry.apply(agent(allowed_tools=("ask_user",)))
        talk.deployment.model.on("Book.", uses(("ask_user", {"question": "Where to?"})), answer("Booked."))
        talk.say("Book.")
        talk.work()
        return talk

    calls = dying_everywhere(lambda points: asked().say("Paris.", points, message_id="m2"))
    for number in range(1, calls + 1):
        talk = asked()
        with pytest.raises(Crash):
            talk.say("Paris.", Failpoints(crash_at=number, crash_after=is_after), message_id="m2")
        again = talk.say("Paris.", message_id="m2")
        talk.deployment.clock.advance(60)
        talk.deployment.sweep()
        talk.work()
        assert (len(talk.deployment.store.tasks), len(talk.kept())) == (1, 2), number
        assert talk.refresh(again["id"])["content"] == "Booked.", number


def _failing_at(number: int, fault: Exception, *, after_it: bool) -> Failpoints:
    """The n-th call of a process fails, and it lives."""
    points = Failpoints()
    point, call = _calls_in_order()[number - 1]
    points.fail(point, fault, call=call, after=after_it)
    return points


def _calls_in_order() -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []

    class Recording(Failpoints):
        def fault_of(self, point: str) -> Any:
            fault = super().fault_of(point)
            seen.append((point, self.calls[point]))
            return fault

    Talk().say("Hi.", Recording())
    return seen


class TestQuestions:
    def test_they_are_shown_and_the_next_message_answers_them(self, asker: Talk) -> None:
        first = asker.say("Book.")
        asker.work()
        assert asker.refresh(first["id"])["content"] == "Where to?"
        second = asker.say("Paris.", message_id="m2")
        asker.work()
        assert asker.refresh(second["id"])["content"] == "When?"
        third = asker.say("Tomorrow.", message_id="m3")
        asker.work()
        assert asker.refresh(third["id"])["content"] == "Booked."
        assert len(asker.deployment.store.tasks) == 1
        # each stream says what it said, whatever came later
        assert [asker.refresh(each["id"])["content"] for each in (first, second)] == ["Where to?", "When?"]

    def test_a_question_that_is_told_late_does_not_end_the_exchange_that_answers_it(
        self, asker: Talk
    ) -> None:
        asker.say("Book.")
        asker.deployment.work()
        second = asker.say("Paris.", message_id="m2")
        (task,) = asker.deployment.store.tasks.values()
        assert task.status is Status.PENDING
        asker.tell()
        assert not asker.refresh(second["id"])["finish"]

    def test_an_answer_that_comes_second_is_said_after_it(self, asker: Talk) -> None:
        asker = replace_conversation(asker)
        ask = uses(("ask_user", {"question": "Where to?"}), prefix="first")
        asker.deployment.model.on("[sender: LiLei]\nBook.", ask, answer("Booked."))
        asker.say("Book.", chat="g")
        asker.work()
        points = Failpoints()
        points.before(
            "records.put_record_once",
            lambda: asker.say("Rome.", message_id="m3", user="HanMeimei", chat="g"),
        )
        second = asker.say("Paris.", points, message_id="m2", chat="g")
        assert "." not in second["id"]
        assert len(asker.deployment.store.tasks) == 2
        # when it comes again it is still that
        assert asker.say("Paris.", message_id="m2", chat="g")["id"] == second["id"]
        assert len(asker.kept()) == 3

    def test_what_was_told_before_is_not_told_again(self, asker: Talk) -> None:
        asker.say("Book.")
        asker.work()
        second = asker.say("Paris.", message_id="m2")
        task_id = second["id"].partition(".")[0]
        live = asker.deployment.live
        live.append(task_id, LiveChunk(1, 1, 0, "old"), 0)
        live.append(task_id, LiveChunk(2, 2, 0, "new"), 0)
        assert asker.refresh(second["id"])["content"] == "new\n\n> 正在处理…"


class TestStream:
    def test_the_text_so_far_and_the_step_are_shown(self, talk: Talk) -> None:
        begun = talk.say("你好")
        live = talk.deployment.live
        live.append(begun["id"], LiveChunk(1, 1, 0, ""), 0)
        assert talk.refresh(begun["id"])["content"] == "> 正在处理…"
        live.append(begun["id"], LiveChunk(1, 1, 1, "我", Progress("Bash")), 0)
        live.append(begun["id"], LiveChunk(1, 1, 2, "说", Progress("Bash", "读\n文件", 40)), 0)
        assert talk.refresh(begun["id"])["content"] == "我说\n\n> 读 文件（40%）…"

    def test_what_the_model_says_of_its_progress_is_folded_and_not_in_the_answer(self, talk: Talk) -> None:
        begun = talk.say("你好")
        live, task_id = talk.deployment.live, begun["id"]
        live.append(task_id, LiveChunk(1, 1, 0, "", updates="先看笔记。"), 0)
        assert talk.refresh(task_id)["content"] == "<think>先看笔记。</think>\n> 正在处理…"
        live.append(task_id, LiveChunk(2, 1, 0, "长" * CONTENT_BYTES, updates="再写。"), 0)
        content = talk.refresh(task_id)["content"]
        assert content.startswith("<think>先看笔记。\n\n再写。</think>\n…长")
        assert len(content.encode()) <= CONTENT_BYTES
        talk.work()
        assert "<think>" not in talk.refresh(task_id)["content"]

    def test_of_a_long_text_the_newest_is_shown(self, talk: Talk) -> None:
        begun = talk.say("你好")
        for number in range(30):
            talk.deployment.live.append(begun["id"], LiveChunk(1, 1, number, "长" * 1_000), 0)
        talk.deployment.live.append(begun["id"], LiveChunk(1, 1, 30, "末"), 0)
        content = talk.refresh(begun["id"])["content"]
        assert CONTENT_BYTES - 3 <= len(content.encode()) <= CONTENT_BYTES
        assert content.startswith("…长")
        assert content.endswith("末\n\n> 正在处理…")

    def test_of_a_long_result_the_beginning_is_shown_and_where_the_rest_is(self, talk: Talk) -> None:
        talk.deployment.model.then(answer("长" * 20_000))
        begun = talk.say("你好")
        talk.work()
        content = talk.refresh(begun["id"])["content"]
        assert len(content.encode()) <= CONTENT_BYTES
        assert content.startswith("长长")
        assert content.endswith("（内容较长，这是第 1/4 页。发送 /结果 1 2 查看下一页。）")

    def test_of_a_result_that_was_cleaned_up_meanwhile_it_is_told_that_it_is_gone(self, talk: Talk) -> None:
        talk.deployment.model.then(answer(incompressible(20_000)))
        begun = talk.say("你好")
        talk.work()
        talk.deployment.payloads.objects.clear()
        shown = talk.refresh(begun["id"])
        assert (shown["finish"], shown["content"]) == (True, "这条消息已过期，请重新提问。")

    def test_before_wecom_stops_asking_it_is_closed_and_the_sender_has_the_answer(self, talk: Talk) -> None:
        clock = talk.deployment.clock
        talk.deployment.registry.apply(agent(timeout_ms=900_000))
        talk.deployment.model.then(after(clock, 60, answer("At last.")))
        begun = talk.say("慢慢来")
        clock.advance(329)
        assert not talk.refresh(begun["id"])["finish"]
        clock.advance(1)
        closed = talk.refresh(begun["id"])
        assert (closed["finish"], closed["content"]) == (
            True,
            "还在处理中，完成后结果会自动发到这里。如果一小时后仍未收到，请发送 /结果 查看。",
        )
        assert talk.refresh(begun["id"]) == closed
        talk.work()
        assert talk.deployment.clock.now() - talk.kept()[0].started_at > 360_000
        assert talk.refresh(begun["id"])["content"] != "At last."
        (exchange,) = talk.kept()
        assert (exchange.state, exchange.end is not None) == (ExchangeState.CLOSED, True)
        claim = DeliveryClaim(DeliveryMeans.URL, "sender", clock.now())
        claimed = talk.exchanges.claim(exchange.ref, claim)
        assert claimed is not None
        assert claimed.claim == claim

    def test_what_a_sender_has_taken_on_is_not_shown_twice(self, talk: Talk) -> None:
        begun = talk.say("你好")
        talk.work()
        talk.exchanges.claim(ExchangeRef(begun["id"]), DeliveryClaim(DeliveryMeans.URL, "sender", 1))
        assert (
            talk.refresh(begun["id"])["content"]
            == "结果已另行发送，请查看下一条消息；没有收到的话，请发送 /结果 查看。"
        )

    def test_what_cannot_be_read_is_not_taken_on(self, talk: Talk) -> None:
        begun = talk.say("你好")
        talk.work()
        points = Failpoints()
        points.fail("store.get", StoreUnavailable("down"))
        with pytest.raises(StoreUnavailable):
            talk.refresh(begun["id"], points)
        assert talk.kept()[0].state is ExchangeState.OPEN
        assert talk.refresh(begun["id"])["finish"]

    def test_another_connection_s_stream_is_not_there(self, talk: Talk) -> None:
        begun = talk.say("你好")
        talk.connection = replace(HELPER, connection_id="other")
        assert talk.refresh(begun["id"]) == talk.refresh("nonsense") | {"id": begun["id"]}

    def test_an_opinion_of_another_connection_s_answer_is_not_kept(self, talk: Talk) -> None:
        begun = talk.say("你好")
        talk.work()
        opinion = FeedbackEvent(ORIGIN, begun["id"], 1, "", ())
        talk.connection = replace(HELPER, connection_id="other")
        assert talk.deliver(opinion) is None
        assert talk.kept()[0].feedback is None
        talk.connection = HELPER
        assert talk.deliver(opinion) is None
        assert talk.kept()[0].feedback is not None

    def test_a_refresh_is_two_reads_while_the_task_goes_on(self, talk: Talk) -> None:
        begun = talk.say("你好")
        points = Failpoints()
        talk.refresh(begun["id"], points)
        assert points.calls == {"exchanges.watch": 1, "store.get_eventually_consistent": 1}

    def test_while_it_speaks_a_refresh_is_one_read_of_what_is_new(self, talk: Talk) -> None:
        begun, live, points = talk.say("你好"), talk.deployment.live, Failpoints()
        bot, asked = talk.bot(points), DecryptedMessage(StreamRefresh(ORIGIN, begun["id"]), KEY)

        def refresh() -> str:
            talk.deployment.clock.advance(RECENT_MS / 1000)
            points.calls.clear()
            reply = bot.answer(talk.connection, asked, "request-1", lambda: 5.0) or {}
            return str(reply["stream"]["content"])

        refresh()
        for number in range(50):
            live.append(begun["id"], LiveChunk(1, 1, number, "字"), 0)
            assert refresh() == "字" * (number + 1) + "\n\n> 正在处理…"
            assert points.calls == {"exchanges.watch": 1}
        assert live.read <= 2 * 50, "each piece once, and the newest again"
        refresh()
        assert points.calls == {"exchanges.watch": 1, "store.get_eventually_consistent": 1}, (
            "it may have ended"
        )

    def test_of_many_streams_those_that_were_asked_for_last_are_kept(self, talk: Talk) -> None:
        points, clock = Failpoints(), talk.deployment.clock
        talk.deployment.registry.apply(agent(timeout_ms=900_000))
        bot = talk.bot(points)
        begun = [talk.say("你好", message_id=f"m{n}")["id"] for n in range(MOST_RECENT + 1)]

        def reads(stream_id: str) -> int:
            points.calls.clear()
            asked = DecryptedMessage(StreamRefresh(ORIGIN, stream_id), KEY)
            assert bot.answer(talk.connection, asked, "request-1", lambda: 5.0)
            return points.calls.total()

        assert {reads(stream_id) for stream_id in begun} == {2}
        assert [reads(stream_id) for stream_id in (begun[-1], begun[1], begun[0])] == [0, 0, 2]
        assert clock.now() - talk.kept()[0].started_at < RECENT_MS

    def test_an_exchange_that_a_replica_does_not_know_yet_is_there(self, talk: Talk) -> None:
        begun, points = talk.say("你好"), Failpoints()
        talk.exchanges.behind.add(ExchangeRef(begun["id"]))

        assert not talk.refresh(begun["id"], points)["finish"]
        assert points.calls["exchanges.get"] == 1

    def test_before_anything_is_said_it_shows_how_far_the_task_is(self, talk: Talk) -> None:
        task_id = talk.say("你好")["id"]
        shown = [talk.refresh(task_id)["content"]]
        (task,) = talk.deployment.store.tasks.values()
        running = claimed(talk.deployment.store, task, talk.deployment.clock.now())
        shown.append(talk.refresh(task_id)["content"])
        given_back(talk.deployment.store, running, awaits=(TaskRef("other", task_id),))
        shown.append(talk.refresh(task_id)["content"])
        assert [text.partition("。")[0] for text in shown] == [
            "已收到，正在排队",
            "已收到，正在处理",
            "已收到，正在处理",
        ]

    def test_of_a_task_that_is_not_made_yet_it_says_no_more_than_that_it_was_received(
        self, talk: Talk
    ) -> None:
        points = Failpoints()
        points.fail("store.create", Crash("here"))
        with contextlib.suppress(Crash):
            talk.say("你好", points)
        (exchange,) = talk.kept()
        assert talk.refresh(exchange.ref.task_id)["content"] == "已收到。"

    def test_a_deadline_that_has_passed_is_the_end_although_no_sweeper_has_seen_it(self, talk: Talk) -> None:
        talk.deployment.registry.apply(agent(queue_timeout_ms=300_000))
        begun = talk.say("你好")
        talk.deployment.clock.advance(300)
        shown = talk.refresh(begun["id"])
        assert (shown["content"], shown["finish"]) == ("当前请求较多，请稍后再试。", True)
        (task,) = talk.deployment.store.tasks.values()
        assert task.status is Status.FAILED

    def test_a_question_waits_no_longer_for_its_start_than_its_answer_can_be_told(self, talk: Talk) -> None:
        talk.say("你好")
        (task,) = talk.deployment.store.tasks.values()
        assert task.deadline - task.created_at == PATIENCE_MS
        assert PATIENCE_MS + MAX_TIMEOUT_MS < URL_MS

    def test_an_end_that_was_not_written_down_is_found_again(self, talk: Talk) -> None:
        begun = talk.say("你好")
        talk.deployment.work()
        for after_it in (False, True):
            points = Failpoints()
            points.fail("exchanges.end", StoreUnavailable("down"), after=after_it)
            with pytest.raises(StoreUnavailable):
                talk.refresh(begun["id"], points)
        assert talk.refresh(begun["id"])["finish"]


class TestChats:
    def test_people_and_groups_have_conversations_of_their_own(self) -> None:
        shared = replace(HELPER, conversation=ConversationScope.GROUP)
        keys = [
            chat_key(HELPER, "LiLei", None),
            chat_key(HELPER, "HanMeimei", None),
            chat_key(HELPER, "LiLei", "g"),
            chat_key(HELPER, "HanMeimei", "g"),
            chat_key(shared, "LiLei", "g"),
            chat_key(shared, "LiLei", "h"),
        ]
        assert len(set(keys)) == len(keys)

    def test_the_same_person_is_the_same_in_any_case_and_a_group_s_members_share(self) -> None:
        shared = replace(HELPER, conversation=ConversationScope.GROUP)
        assert chat_key(HELPER, "LiLei", None) == chat_key(HELPER, "lilei", None)
        assert chat_key(shared, "LiLei", "g") == chat_key(shared, "HanMeimei", "g")

    def test_names_of_conversations_are_names_of_contexts(self) -> None:
        longest = replace(HELPER, connection_id="a" * 64)
        name = context_id(longest, chat_key(longest, "x" * 500, None), 10**6)
        assert CONTEXT_ID.fullmatch(name)

    def test_a_command_that_comes_three_times_is_obeyed_once(self, talk: Talk) -> None:
        for _ in range(3):
            talk.say("/new", message_id="m9")
        assert [state.generation for state in talk.chats.states.values()] == [1]

    def test_what_is_canceled_is_this_conversation_s(self, talk: Talk) -> None:
        for number in range(3):
            talk.say("你好", message_id=f"m{number}")
        talk.say("你好", message_id="m4", user="HanMeimei")
        assert talk.say("/取消", message_id="m5")["content"] == "已取消 3 个任务。"
        left = [task.status for task in talk.deployment.store.tasks.values()]
        assert sorted(left) == [Status.CANCELED] * 3 + [Status.PENDING]


class TestMessages:
    def test_what_is_said_in_a_group_is_without_the_mention(self, talk: Talk) -> None:
        talk.connection = replace(HELPER, bot_name="Helper")
        talk.say(BotMixed((BotText("@Helper "), BotText("你好"))), chat="g")
        talk.work()
        (block,) = talk.deployment.model.requests[-1].messages[-1]["content"]
        assert block["text"] == "[sender: LiLei]\n你好"

    @pytest.mark.parametrize(
        "content", ["", "   ", "\u3000\n", "\u200b", BotMixed((BotText("\ufeff"),)), BotMixed(())]
    )
    def test_who_says_nothing_is_told_how(self, talk: Talk, content: Any) -> None:
        assert "/帮助" in talk.say(content)["content"]
        assert talk.deployment.store.tasks == {}

    @pytest.mark.parametrize(
        "content",
        [
            BotUnsupported("sticker"),
            BotMedia("video", "https://x"),
            BotMixed((BotUnsupported("y"), BotMedia("video", "https://x"))),
        ],
    )
    def test_what_no_agent_can_be_shown_is_told(self, talk: Talk, content: Any) -> None:
        assert "暂不支持" in talk.say(content)["content"]
        assert talk.deployment.store.tasks == {}

    def test_a_file_that_is_gone_or_not_encrypted_is_told(self, talk: Talk) -> None:
        talk.files["https://odd"] = b"not encrypted"
        for url in ("https://gone", "https://odd"):
            assert talk.say(BotMedia("file", url))["content"] == "文件读取失败，请重新发送。"
        assert talk.deployment.store.tasks == {}


def replace_conversation(talk: Talk) -> Talk:
    talk.connection = replace(HELPER, conversation=ConversationScope.GROUP)
    return talk


def test_a_person_who_asks_too_often_is_told_so_and_makes_no_task() -> None:
    talk = Talk(rate=Rate(per_hour=60, burst=2))
    shown = [talk.say("Hi.", message_id=f"m{n}") for n in range(3)]
    assert [stream["finish"] for stream in shown] == [False, False, True]
    assert shown[2]["content"].startswith("提问太频繁")
    assert len(talk.kept()) == 2
    assert talk.deployment.telemetry.counts["RateLimited", "WECOM_QUESTIONS"] == 1

    assert talk.say("/cancel", message_id="m4")["content"] == "已取消 2 个任务。", "commands are not counted"
    assert not talk.say("Hi.", message_id="m5", user="HanMeimei")["finish"], "people do not share"
    assert talk.say("Hi.", message_id="m6", user="LILEI")["finish"], "who writes the id otherwise does"
    talk.deployment.clock.advance(60)
    assert not talk.say("Hi.", message_id="m7")["finish"]


@pytest.mark.parametrize("after", [False, True])
def test_a_limit_that_cannot_be_checked_is_in_nobodys_way(after: bool) -> None:
    talk = Talk(rate=Rate(per_hour=60, burst=1))
    points = Failpoints()
    points.fail("rates.take", StoreUnavailable("gone"), after=after)
    assert not talk.say("Hi.", points)["finish"]
    assert "rate limit not checked" in talk.deployment.telemetry.names()
