"""How the double brings messages to a self-built application, and finds fault with its answers."""

from typing import Any

import pytest

from a2a_tasks.wecom.protocol.app_messages import (
    AppEvent,
    AppImage,
    AppLink,
    AppLocation,
    AppMessage,
    AppText,
    AppVoice,
    CardClick,
)
from a2a_tasks.wecom.protocol.app_replies import button_reply, text_reply
from local.wecom.client import WeComClient
from local.wecom.exchange import Outcome
from local.wecom.people import AppUser
from tests.integration.wecom_double.double import CLOCK, tighten
from tests.integration.wecom_double.receiver import AppReceiver, Raw, Receiver, in_turn


def test_messages_arrive_with_an_id_each(wecom: WeComClient, app: AppReceiver, app_user: AppUser) -> None:
    exchanges = [
        app_user.say("a <b> & ]]> 𠮷"),
        app_user.show("m", "https://p/?a=1&b=2"),
        app_user.speak("m"),
        app_user.locate("23.1", "113.3", "广州"),
        app_user.link("t", "u"),
    ]

    assert {wecom.ended(exchange).outcome for exchange in exchanges} == {Outcome.EMPTY}
    received = {
        message.message_id: message.content for message in app.messages if isinstance(message, AppMessage)
    }
    assert [received[exchange.message_id] for exchange in exchanges] == [
        AppText("a <b> & ]]> 𠮷"),
        AppImage("m"),
        AppVoice(),
        AppLocation("23.1", "113.3", "广州"),
        AppLink("t", "t", "u"),
    ]


def test_events_have_no_id(wecom: WeComClient, app: AppReceiver, app_user: AppUser) -> None:
    wecom.ended(app_user.cause("ENTER_AGENT"))
    wecom.ended(app_user.click_card("stop", "task_1", "code"))

    entered, clicked = app.messages
    assert isinstance(entered, AppEvent)
    assert isinstance(clicked, AppEvent)
    assert (entered.event, entered.click) == ("enter_agent", None)
    assert clicked.click == CardClick("task_1", "code")
    assert [exchange.message_id for exchange in wecom.exchanges()] == ["", ""]


def test_an_answer_at_once_is_shown(wecom: WeComClient, app: AppReceiver, app_user: AppUser) -> None:
    app.reply = lambda message: text_reply(message, "收到 ]]> ok", CLOCK.now())
    assert wecom.ended(app_user.say("hello")).outcome == Outcome.DONE
    assert wecom.seen().texts("LiLei", "reply") == ["收到 ]]> ok"]
    assert wecom.seen().violations == []


def test_a_click_may_be_answered_by_a_button(wecom: WeComClient, app: AppReceiver, app_user: AppUser) -> None:
    app.reply = lambda message: (
        button_reply(message, "Stopped", CLOCK.now()) if isinstance(message, AppEvent) else None
    )
    wecom.ended(app_user.click_card("stop", "task_1", "code"))
    assert wecom.seen().texts("LiLei", "reply") == ["Stopped"]

    # BUT nothing else may
    assert wecom.ended(app_user.cause("click", "MENU")).outcome == Outcome.WRONG


def test_three_identical_deliveries_may_come_at_once(
    wecom: WeComClient, app: AppReceiver, app_user: AppUser, receiver: Receiver
) -> None:
    wecom.ended(app_user.say("hello", copies=3))

    assert len(receiver.requests) == 3
    assert len(set(receiver.requests)) == 1
    assert len({message.message_id for message in app.messages if isinstance(message, AppMessage)}) == 1


def test_what_fails_or_is_lost_comes_again(wecom: WeComClient, app: AppReceiver, app_user: AppUser) -> None:
    tighten(wecom, answer_seconds=1.0)
    app.reply = in_turn(Raw(seconds=2), Raw(status=500), None)
    exchange = wecom.ended(app_user.say("hello"))

    assert [attempt.status for attempt in exchange.attempts] == [None, 500, 200]
    assert len({message.message_id for message in app.messages if isinstance(message, AppMessage)}) == 1
    app.reply = lambda _: None
    lost = wecom.ended(app_user.say("hello", lose_answers=3))
    assert (lost.outcome, len(lost.attempts)) == (Outcome.UNANSWERED, 3)


def changed(xml: str, old: str, new: str) -> str:
    assert old in xml
    return xml.replace(old, new)


@pytest.mark.parametrize(
    ("reply", "violation"),
    [
        (Raw(body=b"success"), "is no XML"),
        (Raw(body=b"{}"), "is no XML"),
        (Raw(body=b"<xml/>"), "the signature is wrong"),
        (("LiLei", "HanMeimei"), "somebody else"),
        (("wwdouble0000000001", "wwother"), "somebody else"),
        (("<MsgType><![CDATA[text]]>", "<MsgType>markdown"), "'markdown' is no answer"),
        (("<![CDATA[hi]]>", ""), "or it is empty"),
        (("CreateTime", "Created"), "has no CreateTime"),
        (("</xml>", ""), "is no XML"),
    ],
)
def test_a_wrong_answer_is_a_violation(
    wecom: WeComClient, app: AppReceiver, app_user: AppUser, reply: Any, violation: str
) -> None:
    app.reply = lambda message: (
        reply if isinstance(reply, Raw) else changed(text_reply(message, "hi", CLOCK.now()), *reply)
    )
    assert wecom.ended(app_user.say("hello")).outcome == Outcome.WRONG
    assert [violation in one for one in wecom.seen().violations] == [True]


def test_the_url_is_verified(wecom: WeComClient, app: AppReceiver, receiver: Receiver) -> None:
    assert app.key
    assert wecom.verify_app_url().is_verified
    receiver.decide = lambda _query, _body: Raw(body=b"0")
    assert not wecom.verify_app_url().is_verified
