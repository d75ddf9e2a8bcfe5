"""How the double brings messages to a bot, refreshes its stream, and finds fault with its answers."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from a2a_tasks.wecom.protocol.bot_messages import (
    BotCallback,
    BotMedia,
    BotMessage,
    BotMixed,
    BotText,
    BotVoice,
    CardEvent,
    EnterChat,
    FeedbackEvent,
    StreamRefresh,
)
from a2a_tasks.wecom.protocol.bot_replies import (
    response_url_markdown,
    stream_frame,
    update_card,
    welcome_text,
)
from a2a_tasks.wecom.protocol.cards import Button, Card
from a2a_tasks.wecom.protocol.crypto import CallbackQuery
from local.wecom.client import WeComClient
from local.wecom.exchange import Exchange, Outcome
from local.wecom.people import BotUser, file, mixed, text, voice
from tests.integration.wecom_double.double import CLOCK, tighten
from tests.integration.wecom_double.receiver import BotReceiver, Raw, Receiver, in_turn, sealed

CARD = Card("task_1", "Stopped", (Button("stop", "Stopped"),)).to_json()


def frames(*contents: str) -> Callable[[BotCallback], dict[str, Any]]:
    """A stream that says these one after the other, the last of them as its end."""
    left = list(contents)

    def reply(_: BotCallback) -> dict[str, Any]:
        content = left.pop(0)
        return stream_frame("task_1", content, finish=not left, feedback_id="task_1")

    return reply


def test_a_stream_is_refreshed_until_it_is_finished(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser
) -> None:
    bot.reply = frames("", "One", "One two", "One two three.")
    exchange = wecom.ended(lilei.say("count"))

    assert (exchange.outcome, exchange.shown, exchange.only_grew) == (Outcome.DONE, "One two three.", True)
    assert [frame.content for frame in exchange.frames] == ["", "One", "One two", "One two three."]
    assert (exchange.stream_ids, exchange.feedback_id) == (["task_1"], "task_1")
    assert wecom.seen().texts("LiLei", "stream") == ["One two three."]
    assert wecom.seen().violations == []
    # AND refreshes have the stream's id, new message ids, and no response_url
    message, *refreshes = bot.messages
    assert message.origin.response_url == exchange.response_url
    assert all(isinstance(refresh, StreamRefresh) and refresh.stream_id == "task_1" for refresh in refreshes)
    assert all(refresh.origin.response_url is None for refresh in refreshes)
    assert len({callback.origin.message_id for callback in bot.messages}) == 4


def test_after_six_minutes_nobody_asks_any_more(wecom: WeComClient, bot: BotReceiver, lilei: BotUser) -> None:
    bot.reply = lambda _: stream_frame("task_1", "working", finish=False)
    before = time.monotonic()
    exchange = wecom.ended(lilei.say("work"))

    assert exchange.outcome == Outcome.TIMED_OUT
    assert exchange.ended_at is not None
    assert 360 <= (exchange.ended_at - exchange.started_at) / 1000 < 361 + (time.monotonic() - before)
    assert 300 < len(exchange.refreshes) <= 359
    assert wecom.seen().deliveries == []


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (voice("said"), BotVoice("said")),
        (mixed(text("look"), file(b"png", "image")), BotMixed((BotText("look"), BotMedia("image", "u")))),
    ],
)
def test_each_content_arrives(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser, content: dict[str, Any], received: Any
) -> None:
    exchange = wecom.ended(lilei.send(content, quote=text("earlier")))

    assert exchange.outcome == Outcome.EMPTY
    (message,) = bot.messages
    assert isinstance(message, BotMessage)
    assert message.quote == BotText("earlier")
    assert repr(message.content) == repr(received)  # the address is not shown


def test_a_file_can_be_fetched_and_decrypted_for_five_minutes(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser
) -> None:
    content = bytes(range(256)) * 3
    wecom.ended(lilei.send(file(content)))
    (message,) = bot.messages
    assert isinstance(message, BotMessage)
    assert isinstance(message.content, BotMedia)

    fetched = httpx.get(message.content.url, trust_env=False)
    assert bot.key.decrypt_media(fetched.content) == content
    wecom.advance(300)
    assert httpx.get(message.content.url, trust_env=False).status_code == 404


def test_a_group_mentions_the_bot_and_is_answered_in_the_group(wecom: WeComClient, bot: BotReceiver) -> None:
    group = BotUser(wecom, "HanMeimei", "chat1")
    bot.reply = frames("Hello all")
    wecom.ended(group.say("hello"))

    (message,) = bot.messages
    assert isinstance(message, BotMessage)
    assert message.content == BotText("@Helper hello")
    assert (message.origin.chat_id, message.origin.user_id) == ("chat1", "HanMeimei")
    assert wecom.seen().texts("chat1") == ["Hello all"]
    with pytest.raises(LookupError, match="in a group nobody can send image"):
        group.send(file(b"png", "image"))


def test_what_is_not_answered_in_time_comes_again_with_the_same_id(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser, receiver: Receiver
) -> None:
    tighten(wecom, answer_seconds=1.0)
    bot.reply = in_turn(Raw(seconds=2), Raw(status=502), stream_frame("task_1", "done", finish=True))
    exchange = wecom.ended(lilei.say("hello"))

    assert [attempt.status for attempt in exchange.attempts] == [None, 502, 200]
    assert exchange.attempts[0].problem == "timeout"
    assert exchange.shown == "done"
    assert len({message.origin.message_id for message in bot.messages}) == 1
    # AND each time it is sealed anew
    assert len({query.signature for query, _ in receiver.requests}) == 3


def test_it_comes_three_times_and_no_more(wecom: WeComClient, bot: BotReceiver, lilei: BotUser) -> None:
    bot.reply = lambda _: Raw(status=0)
    exchange = wecom.ended(lilei.say("hello"))

    assert exchange.outcome == Outcome.UNANSWERED
    assert [attempt.status for attempt in exchange.attempts] == [None] * 3


def test_an_answer_can_be_lost_on_the_way(wecom: WeComClient, bot: BotReceiver, lilei: BotUser) -> None:
    bot.reply = lambda _: stream_frame("task_1", "done", finish=True)
    exchange = wecom.ended(lilei.say("hello", lose_answers=2))

    assert [attempt.was_lost for attempt in exchange.attempts] == [True, True, False]
    assert wecom.seen().texts("LiLei") == ["done"]


def test_identical_deliveries_may_come_at_once(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser, receiver: Receiver
) -> None:
    ids = iter(["task_1", "task_2", "task_3"])
    bot.reply = lambda _: stream_frame(next(ids), "done", finish=True)
    exchange = wecom.ended(lilei.say("hello", copies=3))

    assert len(receiver.requests) == 3
    assert len(set(receiver.requests)) == 1
    assert sorted(exchange.stream_ids) == ["task_1", "task_2", "task_3"]
    assert wecom.seen().texts("LiLei") == ["done"]


def test_more_than_three_at_once_are_not_sent(wecom: WeComClient, bot: BotReceiver, lilei: BotUser) -> None:
    may_answer = threading.Event()

    def wait(_: BotCallback) -> None:
        may_answer.wait(5)

    bot.reply = wait
    open_exchanges = [lilei.say("hello") for _ in range(3)]

    assert lilei.say("one more").outcome == Outcome.NOT_SENT
    other = BotUser(wecom, "HanMeimei").say("hello")
    may_answer.set()
    assert {wecom.ended(exchange).outcome for exchange in [*open_exchanges, other]} == {Outcome.EMPTY}
    assert wecom.ended(lilei.say("now")).outcome == Outcome.EMPTY


def test_who_enters_is_welcomed_once_a_day(wecom: WeComClient, bot: BotReceiver, lilei: BotUser) -> None:
    bot.reply = lambda _: welcome_text("Welcome")
    wecom.ended(lilei.enter())

    assert isinstance(bot.messages[0], EnterChat)
    assert lilei.enter().outcome == Outcome.NOT_SENT
    wecom.advance(86_400)
    wecom.ended(lilei.enter())
    assert wecom.seen().texts("LiLei") == ["Welcome", "Welcome"]


def test_a_click_is_sent_once_and_changes_the_card(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser
) -> None:
    bot.reply = lambda _: update_card(CARD)
    assert wecom.ended(lilei.click("stop", "task_1")).outcome == Outcome.DONE
    (click,) = bot.messages
    assert isinstance(click, CardEvent)
    assert (click.event_key, click.task_id) == ("stop", "task_1")
    assert wecom.seen().deliveries[0].via == "update_template_card"

    bot.reply = lambda _: Raw(status=500)
    assert len(wecom.ended(lilei.click("stop", "task_1")).attempts) == 1


def test_an_answer_with_a_feedback_id_can_be_rated(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser
) -> None:
    bot.reply = frames("done")
    answered = wecom.ended(lilei.say("hello"))
    bot.reply = lambda _: None
    wecom.ended(lilei.rate(answered, 2, content="wrong", inaccurate_reason_list=[2]))

    opinion = bot.messages[-1]
    assert isinstance(opinion, FeedbackEvent)
    assert (opinion.feedback_id, opinion.type, opinion.reasons) == ("task_1", 2, (2,))
    with pytest.raises(LookupError, match="no feedback id"):
        lilei.rate(wecom.ended(lilei.say("hello")), 1)


@pytest.mark.usefixtures("bot")
def test_a_response_url_takes_one_answer_within_an_hour(wecom: WeComClient, lilei: BotUser) -> None:
    def post(url: str, body: dict[str, Any]) -> int:
        return int(httpx.post(url, json=body, trust_env=False).json()["errcode"])

    first, late = (wecom.ended(lilei.say("hello")).response_url for _ in range(2))
    assert post(first, response_url_markdown("the result")) == 0
    assert wecom.seen().texts("LiLei", "aibot/response") == ["the result"]
    assert wecom.seen().violations == []

    assert post(first, response_url_markdown("again")) == 40058
    wecom.advance(3_600)
    assert post(late, response_url_markdown("too late")) == 40058
    assert post(f"{wecom.api_url}/aibot/response?response_code=none", response_url_markdown("x")) == 40058
    assert wecom.seen().violations == [
        "LiLei: a response_url was used twice",
        "LiLei: a response_url was used after an hour",
    ]
    assert wecom.seen().texts("LiLei") == ["the result"]


@pytest.mark.parametrize(
    "body",
    [
        {"msgtype": "text", "text": {"content": "x"}},
        {"msgtype": "markdown", "markdown": {"content": "x" * 20_481}},
        {"msgtype": "markdown", "markdown": {"content": ""}},
        {"encrypt": "x"},
    ],
)
def test_a_response_url_takes_markdown_or_a_card_unencrypted(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser, body: dict[str, Any]
) -> None:
    url = wecom.ended(lilei.say("hello")).response_url

    assert httpx.post(url, json=body, trust_env=False).json()["errcode"] != 0
    assert len(wecom.seen().violations) == 1
    assert bot.messages


def wrong_frame(**changes: Any) -> dict[str, Any]:
    frame = stream_frame("task_1", "x", finish=False)
    return {"msgtype": "stream", "stream": frame["stream"] | changes}


@pytest.mark.parametrize(
    ("reply", "violation"),
    [
        ({"msgtype": "text", "text": {"content": "hi"}}, "'text' is no answer to a message"),
        (update_card(CARD), "'update_template_card' is no answer to a message"),
        ({"msgtype": "template_card"}, "whose template_card has a wrong card_type"),
        ({"msgtype": "template_card", "template_card": CARD | {"button_list": []}}, "a wrong button_list"),
        (wrong_frame(id=""), "a stream without an id"),
        (wrong_frame(content="x" * 20_481), "has 20481 bytes"),
        (wrong_frame(finish="no"), "its finish true or false"),
        (wrong_frame(msg_item=[{"msgtype": "image"}]), "images before the last frame"),
        (wrong_frame(msg_item=[{"image": {"base64": "eA==", "md5": "0"}}], finish=True), "md5 is wrong"),
        (wrong_frame(msg_item=[{}], finish=True), "needs base64 and md5"),
        (wrong_frame(feedback={"id": "x" * 257}), "1 to 256 bytes"),
    ],
)
def test_a_wrong_answer_is_a_violation(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser, reply: dict[str, Any], violation: str
) -> None:
    bot.reply = lambda _: reply
    exchange = wecom.ended(lilei.say("hello"))

    assert exchange.outcome == Outcome.WRONG
    assert [violation in one for one in wecom.seen().violations] == [True]


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"nonce": "other"}, "nonce is not the request's"),
        ({"timestamp": "1790000000"}, "timestamp is not a whole number"),
        ({"timestamp": 1}, "the signature is wrong"),
        ({"msgsignature": "0" * 40}, "the signature is wrong"),
        ({"encrypt": "AAAA"}, "the signature is wrong"),
        ({"msgsignature": None}, "has the fields"),
        ({"more": 1}, "has the fields"),
    ],
)
def test_a_wrong_envelope_is_a_violation(
    wecom: WeComClient,
    bot: BotReceiver,
    lilei: BotUser,
    receiver: Receiver,
    changes: dict[str, Any],
    violation: str,
) -> None:
    def decide(query: CallbackQuery, _: bytes) -> Raw:
        return Raw(body=sealed(bot.key, wrong_frame(), query, CLOCK.now(), **changes))

    receiver.decide = decide
    assert wecom.ended(lilei.say("hello")).outcome == Outcome.WRONG
    assert [violation in one for one in wecom.seen().violations] == [True]


def test_an_answer_under_another_key_is_a_violation(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser, receiver: Receiver
) -> None:
    other = replace(bot.key, encoding_aes_key="A" * 43)
    receiver.decide = lambda query, _: Raw(body=sealed(other, wrong_frame(), query, CLOCK.now()))

    assert wecom.ended(lilei.say("hello")).outcome == Outcome.WRONG


@pytest.mark.parametrize(
    ("second", "violation"),
    [
        (Raw(), "answered by nothing"),
        (stream_frame("task_2", "x", finish=True), "goes on as task_2"),
        ({"msgtype": "template_card", "template_card": CARD}, "no answer to a refresh"),
        (Raw(body=b"{}"), "has the fields []"),
        (Raw(body=b"ok"), "is no JSON object"),
    ],
)
def test_a_wrong_answer_to_a_refresh_is_a_violation(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser, second: Any, violation: str
) -> None:
    bot.reply = in_turn(stream_frame("task_1", "", finish=False), second)
    exchange = wecom.ended(lilei.say("hello"))

    assert exchange.outcome == Outcome.WRONG
    assert [violation in one for one in wecom.seen().violations] == [True]


def test_a_refresh_that_fails_is_asked_again(wecom: WeComClient, bot: BotReceiver, lilei: BotUser) -> None:
    bot.reply = in_turn(
        stream_frame("t", "a", finish=False), Raw(status=500), stream_frame("t", "ab", finish=True)
    )
    exchange = wecom.ended(lilei.say("hello"))

    assert [attempt.status for attempt in exchange.refreshes] == [500, 200]
    assert exchange.shown == "ab"


def test_a_stream_that_sends_pieces_is_seen_not_to_grow(
    wecom: WeComClient, bot: BotReceiver, lilei: BotUser
) -> None:
    bot.reply = frames("One", "two", "three")

    assert not wecom.ended(lilei.say("count")).only_grew


def test_an_answer_to_feedback_is_a_violation(wecom: WeComClient, bot: BotReceiver, lilei: BotUser) -> None:
    bot.reply = frames("done")
    answered: Exchange = wecom.ended(lilei.say("hello"))
    bot.reply = lambda _: welcome_text("thanks")

    assert wecom.ended(lilei.rate(answered, 1)).outcome == Outcome.WRONG


def test_a_url_is_verified_within_a_second(wecom: WeComClient, bot: BotReceiver, receiver: Receiver) -> None:
    assert bot.key
    assert wecom.verify_bot_url().is_verified

    decide = receiver.decide
    receiver.decide = lambda _query, _body: Raw(status=403)
    assert wecom.verify_bot_url().problem == "status 403"
    tighten(wecom, verification_seconds=0.5)
    receiver.decide = lambda query, body: replace(decide(query, body), seconds=1)
    assert wecom.verify_bot_url().problem == "timeout"


@pytest.mark.parametrize("wrap", [b'"%b"', b"\xef\xbb\xbf%b", b"%b\n", b""])
def test_a_url_says_exactly_what_was_encrypted(
    wecom: WeComClient, bot: BotReceiver, receiver: Receiver, wrap: bytes
) -> None:
    assert bot.key
    decide = receiver.decide
    receiver.decide = lambda query, body: Raw(body=wrap and wrap % decide(query, body).body)

    assert wecom.verify_bot_url().problem == "the body is not exactly what was encrypted"


def test_without_a_url_nobody_can_write(wecom: WeComClient, lilei: BotUser) -> None:
    with pytest.raises(LookupError, match="no callback_url"):
        lilei.say("hello")
    assert wecom.exchanges() == []
