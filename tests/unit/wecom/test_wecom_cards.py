"""Buttons: a question's options, stop and ask again; one press counts, by those whose card it is."""

from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.wecom.cards import CardKind, CardRef, question_name
from a2a_tasks.wecom.connection import ConversationScope
from a2a_tasks.wecom.exchange import STREAM_MS, Exchange, ExchangeState
from local.wecom.card_rules import problem_of
from tests.twins.deployment import agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import answer, uses
from tests.unit.wecom.inbound.wecom_talk import HELPER, Talk, dying_everywhere

OPTIONS = ["华东", "华北"]
GROUP = "wrGROUP"


def asking(talk: Talk, options: list[str] | None = None, **said: Any) -> dict[str, Any]:
    """The card of a question that the agent asks."""
    talk.deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    question = {"question": "哪个区域?", "options": options or OPTIONS}
    talk.deployment.model.then(uses(("ask_user", question)), answer("华东增长 8%。"))
    stream_id = talk.say("销售如何", **said)["id"]
    talk.work()
    return card_of(talk, stream_id)


def card_of(talk: Talk, stream_id: str) -> dict[str, Any]:
    """The card beside the stream as it is now; empty for none."""
    reply = talk.refreshed(stream_id)
    found: dict[str, Any] = reply.get("template_card", {})
    assert not found or problem_of(found) is None
    return found


def pressed(reply: dict[str, Any] | None) -> str:
    """What the card's button says after a press."""
    assert reply is not None
    assert problem_of(reply["template_card"]) is None
    (button,) = reply["template_card"]["button_list"]
    return str(button["text"])


def waiting(talk: Talk) -> list[Exchange]:
    """Exchanges that a sender must answer."""
    return [exchange for exchange in talk.kept() if exchange.state is ExchangeState.CLOSED]


def only_task(talk: Talk) -> Task:
    (task,) = talk.deployment.store.tasks.values()
    return task


class TestOptions:
    def test_a_question_with_options_has_a_button_for_each(self) -> None:
        talk = Talk()
        card = asking(talk)

        assert [button["text"] for button in card["button_list"]] == OPTIONS
        assert card["main_title"] == {"title": "哪个区域?"}

    def test_a_question_without_has_no_card(self) -> None:
        talk = Talk()
        talk.deployment.registry.apply(agent(allowed_tools=("ask_user",)))
        talk.deployment.model.then(uses(("ask_user", {"question": "哪个区域?"})))
        stream_id = talk.say("销售如何")["id"]
        talk.work()

        assert card_of(talk, stream_id) == {}

    def test_long_options_are_numbered_as_in_the_text(self) -> None:
        talk = Talk()
        card = asking(talk, ["华东大区（含上海、江苏、浙江）", "其他"])

        assert [button["text"] for button in card["button_list"]] == ["1", "2"]
        (exchange,) = talk.kept()
        assert "1. 华东大区（含上海、江苏、浙江）\n2. 其他" in talk.refresh(exchange.ref.stream_id)["content"]

    def test_a_press_answers_the_question_and_the_card_says_what_was_pressed(self) -> None:
        talk = Talk()
        card = asking(talk)

        reply = talk.press(card, "华东")
        talk.work()

        assert pressed(reply) == "已选：华东"
        assert reply is not None
        assert "userids" not in reply
        (_, later) = talk.kept()
        assert later.end is not None
        assert (later.end.status, later.state) == (Status.COMPLETED, ExchangeState.CLOSED)
        assert later.sealed_url is not None
        (result,) = talk.deployment.model.requests[-1].messages[-1]["content"]
        assert result["content"] == "华东"

    def test_a_second_press_changes_nothing(self) -> None:
        talk = Talk()
        card = asking(talk)
        talk.press(card, "华东")

        assert pressed(talk.press(card, "华北")) == "已回答"
        assert pressed(talk.press(card, "华东")) == "已回答"

        talk.work()
        assert len(waiting(talk)) == 1
        assert len(talk.deployment.model.requests) == 2

    def test_the_pressed_cards_own_button_does_nothing(self) -> None:
        talk = Talk()
        reply = talk.press(asking(talk), "华东")
        assert reply is not None

        assert talk.press(reply["template_card"], "已选：华东") is None

    def test_what_was_written_first_counts(self) -> None:
        talk = Talk()
        card = asking(talk)
        talk.say("华南", message_id="m2")

        assert pressed(talk.press(card, "华东")) == "已回答"
        assert waiting(talk) == []

    def test_a_card_of_an_earlier_question_does_not_answer_the_next_one(self) -> None:
        talk = Talk()
        first = asking(talk)
        again = {"question": "哪个季度?", "options": ["一季度", "二季度"]}
        talk.deployment.model.steps.insert(0, uses(("ask_user", again), prefix="again"))
        talk.press(first, "华东")
        talk.work()
        assert only_task(talk).status is Status.INPUT_REQUIRED

        assert pressed(talk.press(first, "华北")) == "已回答"

        (asked,) = [task.question for task in talk.deployment.store.tasks.values()]
        assert asked is not None
        assert asked.text == "哪个季度?"

    @pytest.mark.parametrize("is_after", [False, True])
    def test_a_press_that_dies_anywhere_counts_once_when_it_is_pressed_again(self, is_after: bool) -> None:
        def asked() -> tuple[Talk, dict[str, Any]]:
            talk = Talk()
            return talk, asking(talk)

        first, card = asked()
        calls = dying_everywhere(lambda points: first.press(card, "华东", points))
        for number in range(1, calls + 1):
            talk, card = asked()
            with pytest.raises(Crash):
                talk.press(card, "华东", Failpoints(crash_at=number, crash_after=is_after))
            talk.press(card, "华东")
            talk.deployment.clock.advance(60)
            talk.deployment.sweep()
            talk.work()

            assert [exchange.end and exchange.end.status for exchange in waiting(talk)] == [Status.COMPLETED]

    def test_a_press_that_died_is_not_told_what_was_written_after_it(self) -> None:
        talk = Talk()
        card = asking(talk)
        points = Failpoints()
        points.fail("records.put_record_once", Crash("here"))
        with pytest.raises(Crash):
            talk.press(card, "华东", points)

        talk.say("华南", message_id="m2")
        talk.work()

        assert waiting(talk) == []
        (result,) = talk.deployment.model.requests[-1].messages[-1]["content"]
        assert result["content"] == "华南"

    def test_of_two_who_press_at_once_one_is_answered(self) -> None:
        talk = Talk(connection=replace(HELPER, conversation=ConversationScope.GROUP))
        card = asking(talk, chat=GROUP)
        points = Failpoints()
        points.before("store.resume", lambda: talk.press(card, "华北", user="HanMeimei", chat=GROUP))

        talk.press(card, "华东", points, chat=GROUP)
        talk.work()

        assert len(waiting(talk)) == 1
        assert len(talk.deployment.model.requests) == 2

    def test_who_asks_too_much_may_not_press(self) -> None:
        talk = Talk(rate=Rate(1, 1))
        card = asking(talk)

        reply = talk.press(card, "华东")

        assert reply is not None
        assert reply["userids"] == ["LiLei"]
        assert only_task(talk).status is Status.INPUT_REQUIRED


class TestWhoMayPress:
    def test_in_a_group_where_each_has_their_own_conversation_only_who_asked(self) -> None:
        talk = Talk()
        card = asking(talk, chat=GROUP)

        reply = talk.press(card, "华东", user="HanMeimei", chat=GROUP)

        assert reply is not None
        assert (pressed(reply), reply["userids"]) == ("仅提问者可操作", ["HanMeimei"])
        assert pressed(talk.press(card, "华东", chat=GROUP)) == "LiLei 已选：华东"[:9] + "…"

    def test_in_a_group_that_shares_one_everybody(self) -> None:
        talk = Talk(connection=replace(HELPER, conversation=ConversationScope.GROUP))
        card = asking(talk, chat=GROUP)

        reply = talk.press(card, "华东", user="HanMeimei", chat=GROUP)

        assert reply is not None
        assert reply["template_card"]["sub_title_text"] == "HanMeimei 已选：华东"

    def test_the_agent_learns_who_pressed_in_a_group(self) -> None:
        talk = Talk(connection=replace(HELPER, conversation=ConversationScope.GROUP))
        card = asking(talk, chat=GROUP)

        talk.press(card, "华东", user="HanMeimei", chat=GROUP)
        talk.work()

        (result,) = talk.deployment.model.requests[-1].messages[-1]["content"]
        assert result["content"] == "[sender: HanMeimei]\n华东"

    def test_nobody_elsewhere(self) -> None:
        talk = Talk()
        card = asking(talk)

        assert pressed(talk.press(card, "华东", user="HanMeimei")) == "仅提问者可操作"
        assert pressed(talk.press(card, "华东", chat=GROUP)) == "仅提问者可操作"

    def test_nobody_of_another_project(self) -> None:
        """The agent's id was another project's when the card was made."""
        talk = Talk()
        card = asking(talk)
        task = only_task(talk)
        talk.deployment.store.tasks[task.ref] = replace(task, project_id="other")

        assert pressed(talk.press(card, "华东")) == "已失效"
        assert only_task(talk).status is Status.INPUT_REQUIRED

    def test_nobody_who_may_not_write(self) -> None:
        talk = Talk()
        card = asking(talk)
        talk.connection = replace(HELPER, allowed_users=frozenset({"HanMeimei"}))

        assert talk.press(card, "华东") is None

    def test_after_a_new_conversation_the_old_ones_question_is_still_theirs(self) -> None:
        talk = Talk()
        card = asking(talk)
        talk.say("/new", message_id="m2")

        assert pressed(talk.press(card, "华东")) == "已选：华东"

    @pytest.mark.parametrize(
        "card_id", ["card-1", "ask@no-task@x", "ask@019a0000-0000-7000-8000-0123456789ab", "dance@x@y"]
    )
    def test_a_card_that_is_none_of_ours_stays_as_it_is(self, card_id: str) -> None:
        assert CardRef.from_card_id(card_id) is None
        card = {"card_type": "button_interaction", "task_id": card_id}
        assert Talk().press(card | {"button_list": [{"text": "x", "key": "0"}]}, "x") is None

    def test_a_card_whose_task_is_gone_has_expired(self) -> None:
        ref = CardRef(CardKind.ASK, "019a0000-0000-7000-8000-0123456789ab", question_name("call-1"))
        card = {"card_type": "button_interaction", "task_id": ref.card_id}
        reply = Talk().press(card | {"button_list": [{"text": "x", "key": "0"}]}, "x")
        assert pressed(reply) == "已失效"


class TestStop:
    def stopping(self, talk: Talk) -> dict[str, Any]:
        """The card beside a stream that was closed while the task runs."""
        stream_id = talk.say("销售如何")["id"]
        talk.deployment.clock.advance(STREAM_MS / 1000)
        return card_of(talk, stream_id)

    def test_a_stream_that_closes_offers_to_stop_the_task(self) -> None:
        talk = Talk()
        card = self.stopping(talk)

        assert pressed(talk.press(card, "停止")) == "已停止"
        assert pressed(talk.press(card, "停止")) == "已停止"
        assert only_task(talk).status is Status.CANCELED

    def test_what_has_ended_meanwhile_is_said_to_have_ended(self) -> None:
        talk = Talk()
        card = self.stopping(talk)
        talk.deployment.model.then(answer("42"))
        talk.work()

        assert pressed(talk.press(card, "停止")) == "任务已结束"


class TestAgain:
    def failed(self, talk: Talk, **said: Any) -> dict[str, Any]:
        talk.deployment.model.then(answer("", "refusal"))
        stream_id = talk.say("销售如何", **said)["id"]
        talk.work()
        return card_of(talk, stream_id)

    def test_a_failure_offers_to_ask_again_and_one_press_counts(self) -> None:
        talk = Talk()
        card = self.failed(talk)
        talk.deployment.model.then(answer("42"))

        assert [pressed(talk.press(card, "重新提问")) for _ in range(2)] == ["已重新提问"] * 2
        talk.work()

        (again,) = waiting(talk)
        assert again.end is not None
        assert again.end.status is Status.COMPLETED
        first, second = talk.deployment.model.requests
        assert first.messages[-1] == second.messages[-1]

    def test_in_a_group_the_agent_learns_who_asks_again(self) -> None:
        talk = Talk(connection=replace(HELPER, conversation=ConversationScope.GROUP))
        card = self.failed(talk, chat=GROUP)
        talk.deployment.model.then(answer("42"))

        talk.press(card, "重新提问", user="HanMeimei", chat=GROUP)
        talk.work()

        (block,) = talk.deployment.model.requests[-1].messages[-1]["content"]
        assert block["text"] == "[sender: HanMeimei]\n销售如何"

    def test_what_cannot_be_asked_now_is_said_to_who_pressed(self) -> None:
        talk = Talk()
        card = self.failed(talk)
        talk.deployment.registry.apply(agent(enabled=False))

        reply = talk.press(card, "重新提问")

        assert reply is not None
        assert (pressed(reply), reply["userids"]) == ("未能执行", ["LiLei"])
