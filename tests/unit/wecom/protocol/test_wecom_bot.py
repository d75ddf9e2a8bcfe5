"""An AI bot's callbacks: typed messages from JSON, and the JSON that answers them."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.protocol.bot_callback import receive_bot_message, seal_bot_reply
from a2a_tasks.wecom.protocol.bot_messages import (
    BotCallback,
    BotContent,
    BotMedia,
    BotMessage,
    BotMixed,
    BotOrigin,
    BotText,
    BotUnsupported,
    BotVoice,
    CardEvent,
    EnterChat,
    FeedbackEvent,
    StreamRefresh,
    UnsupportedEvent,
    parse_bot_message,
)
from a2a_tasks.wecom.protocol.bot_replies import (
    response_url_markdown,
    stream_frame,
    update_card,
    welcome_text,
)
from a2a_tasks.wecom.protocol.cards import Button, Card
from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery, DecryptedMessage
from a2a_tasks.wecom.protocol.deduplication import replay_key
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason
from local.wecom.card_rules import problem_of
from tests.unit.wecom.protocol.wecom_vectors import vector

KEY = CallbackKey("token", "r8WqL2xNfT5yKdP7mJcV3bH9gZsA6uEoXiR4tYvQn1D", "")
RANDOM = bytes(range(16))
CREATED = 1_790_000_000
NOW = CREATED * 1000 + 2_000
RESPONSE_URL = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=CODE"


def fields(msgtype: str, **rest: Any) -> dict[str, Any]:
    return {
        "msgid": "m1",
        "aibotid": "bot1",
        "chattype": "single",
        "from": {"userid": "LiLei"},
        "response_url": RESPONSE_URL,
        "msgtype": msgtype,
    } | rest


def parse(document: dict[str, Any]) -> BotCallback:
    return parse_bot_message(json.dumps(document))


def happened(**event: Any) -> BotCallback:
    return parse(fields("event", event=event, create_time=CREATED))


def receive(document: Any, now: int = NOW, bot_id: str | None = "bot1") -> DecryptedMessage[BotCallback]:
    encrypted = KEY.encrypt(json.dumps(document), RANDOM)
    query = CallbackQuery(KEY.sign(str(CREATED), "n", encrypted), str(CREATED), "n")
    return receive_bot_message([KEY], bot_id, query, json.dumps({"encrypt": encrypted}).encode(), now)


def refusal(document: Any, now: int = NOW, bot_id: str = "bot1") -> RefusalReason:
    with pytest.raises(CallbackRefused) as caught:
        receive(document, now, bot_id)
    return caught.value.reason


TEXT = fields("text", text={"content": "hello"})
ORIGIN = BotOrigin("m1", "bot1", "LiLei", None, RESPONSE_URL, None)


def test_a_group_message_of_the_reference_is_read_with_its_quote() -> None:
    reference = vector("aibot_text_group")
    received = receive_bot_message(
        [reference.key], "aibTEST0001", reference.query, reference.body, reference.now
    )

    message = received.message
    assert isinstance(message, BotMessage)
    assert message.content == BotText("@小克 hello robot")
    assert message.quote == BotText("quoted line")
    assert (message.origin.is_group, message.origin.chat_id) == (True, "wrTESTCHAT0001")
    assert message.origin.user_id == "lilei"
    assert received.key is reference.key


@pytest.mark.parametrize(
    ("document", "content"),
    [
        (TEXT, BotText("hello")),
        (fields("voice", voice={"content": "said"}), BotVoice("said")),
        (fields("image", image={"url": "u"}), BotMedia("image", "u")),
        (fields("file", file={"url": "u"}), BotMedia("file", "u")),
        (fields("video", video={"url": "u"}), BotMedia("video", "u")),
        (
            fields(
                "mixed",
                mixed={
                    "msg_item": [
                        {"msgtype": "text", "text": {"content": "look"}},
                        {"msgtype": "image", "image": {"url": "u"}},
                        {"msgtype": "hologram"},
                    ]
                },
            ),
            BotMixed((BotText("look"), BotMedia("image", "u"), BotUnsupported("hologram"))),
        ),
        (fields("hologram", hologram={}), BotUnsupported("hologram")),
        (fields("text"), BotUnsupported("text")),
        (fields("image", image={"url": ""}), BotUnsupported("image")),
        (fields("mixed", mixed={"msg_item": None}), BotUnsupported("mixed")),
    ],
)
def test_each_type_has_its_own_fields(document: dict[str, Any], content: BotContent) -> None:
    assert parse(document) == BotMessage(ORIGIN, content)


def test_a_quote_that_cannot_be_read_does_not_hide_the_message() -> None:
    for quote in ({}, {"msgtype": "text"}, {"msgtype": "stream"}):
        message = parse(TEXT | {"quote": quote})
        assert isinstance(message, BotMessage)
        assert message.content == BotText("hello")
        assert isinstance(message.quote, BotUnsupported)


def test_a_refresh_asks_for_a_stream_by_its_id() -> None:
    message = parse(fields("stream", stream={"id": "task_1"}))

    assert isinstance(message, StreamRefresh)
    assert message.stream_id == "task_1"
    assert replay_key(message) is None


def test_events_are_told_apart() -> None:
    origin = BotOrigin("m1", "bot1", "LiLei", None, RESPONSE_URL, CREATED)
    click = {"card_type": "button_interaction", "event_key": "stop", "task_id": "t1"}
    opinion = {"id": "task_1", "type": 2, "content": "wrong", "inaccurate_reason_list": [2, 4]}

    assert happened(eventtype="enter_chat") == EnterChat(origin)
    assert happened(eventtype="template_card_event", template_card_event=click) == CardEvent(
        origin, "stop", "t1"
    )
    assert happened(eventtype="feedback_event", feedback_event=opinion) == FeedbackEvent(
        origin, "task_1", 2, "wrong", (2, 4)
    )
    assert happened(eventtype="feedback_event", feedback_event={"id": "task_1", "type": 1}) == FeedbackEvent(
        origin, "task_1", 1, "", ()
    )
    assert happened(eventtype="earthquake") == UnsupportedEvent(origin, "earthquake")


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        None,
        {},
        TEXT | {"msgid": ""},
        TEXT | {"msgid": 7},
        TEXT | {"from": "LiLei"},
        TEXT | {"from": {}},
        TEXT | {"chattype": "group"},
        TEXT | {"create_time": "soon"},
        fields("stream", stream={}),
        fields("event"),
        fields("event", event={"eventtype": "template_card_event"}),
        fields("event", event={"eventtype": "feedback_event", "feedback_event": {"id": "", "type": 1}}),
    ],
)
def test_a_message_without_what_every_message_has_is_refused(document: Any) -> None:
    assert refusal(document) is RefusalReason.MESSAGE


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*TEXT, "text", "event", "stream", "quote", "id"]), inner, max_size=8
            )
        ),
    )
)
def test_whatever_is_inside_is_read_or_refused(document: Any) -> None:
    for candidate in (document, TEXT | document if isinstance(document, dict) else TEXT):
        try:
            parse_bot_message(json.dumps(candidate))
        except CallbackRefused as refused:
            assert refused.reason is RefusalReason.MESSAGE  # noqa: PT017


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackRefused, match="json"):
        receive_bot_message([KEY], "bot1", CallbackQuery("", "", ""), body, NOW)


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"encrypt": 1}', b'{"encrypt": null}'])
def test_a_body_without_ciphertext_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackRefused, match="missing_encrypt"):
        receive_bot_message([KEY], "bot1", CallbackQuery("", "", ""), body, NOW)


def test_a_large_body_is_refused_unread() -> None:
    with pytest.raises(CallbackRefused, match="too_large"):
        receive_bot_message([KEY], "bot1", CallbackQuery("", "", ""), b"{" + b" " * (256 * 1024), NOW)


@pytest.mark.parametrize(
    "inside",
    [json.loads("[" * 40 + "]" * 40), float("inf"), float("nan"), 10**400],
    ids=["deep", "infinite", "no number", "huge"],
)
def test_a_message_beyond_the_limits_of_json_is_refused(inside: Any) -> None:
    assert refusal(TEXT | {"create_time": inside}) is RefusalReason.JSON


def test_half_a_character_is_no_reason_to_refuse_a_message() -> None:
    for content in ("hello \ud83d", "\ude00 hello", "\ud83d\ude00 hello"):
        message = parse(TEXT | {"text": {"content": content}})
        assert isinstance(message, BotMessage)
        assert isinstance(message.content, BotText)
        assert "hello" in message.content.content
        message.content.content.encode()
    assert isinstance(parse(fields("text", text={"content": "\ud83d\ude00"})), BotMessage)


def test_an_empty_ciphertext_is_of_the_wrong_length_and_not_missing() -> None:
    query = CallbackQuery(KEY.sign(str(CREATED), "n", ""), str(CREATED), "n")
    with pytest.raises(CallbackRefused, match="ciphertext_length"):
        receive_bot_message([KEY], "bot1", query, b'{"encrypt": ""}', NOW)


def test_a_message_for_another_bot_is_refused() -> None:
    assert refusal(TEXT, bot_id="bot2") is RefusalReason.RECIPIENT


def test_a_bot_whose_id_is_not_known_is_known_by_its_keys() -> None:
    assert receive(TEXT, bot_id=None).message == receive(TEXT).message


@pytest.mark.parametrize("away", [-601, 601])
def test_an_event_that_says_that_it_is_old_is_refused(away: int) -> None:
    document = fields("event", event={"eventtype": "enter_chat"}, create_time=CREATED + away)

    assert refusal(document, now=CREATED * 1000) is RefusalReason.REPLAY
    near = document | {"create_time": CREATED + away // 601 * 600}
    assert receive(near, now=CREATED * 1000).message


@pytest.mark.parametrize(
    "url",
    [
        "http://qyapi.weixin.qq.com/cgi-bin/aibot/response",
        "https://qyapi.weixin.qq.com.example.com/x",
        "https://qyapi.weixin.qq.com@example.com/x",
        "https://example.com/https://qyapi.weixin.qq.com/",
        "//qyapi.weixin.qq.com/x",
        7,
        None,
    ],
)
def test_an_answer_goes_to_wecom_or_nowhere(url: Any) -> None:
    assert parse(TEXT | {"response_url": url}).origin.response_url is None


def test_where_answers_may_go_can_be_told() -> None:
    local = "http://127.0.0.1:8080/cgi-bin/aibot/response?response_code=1"
    message = parse_bot_message(json.dumps(TEXT | {"response_url": local}), "http://127.0.0.1:8080")

    assert message.origin.response_url == local


def test_no_secret_address_is_in_the_text_of_a_message() -> None:
    message = parse(TEXT | fields("image", image={"url": "https://media/SECRET"}))

    assert "CODE" not in repr(message)
    assert "SECRET" not in repr(message)


def test_deliveries_of_one_message_have_one_replay_key() -> None:
    assert replay_key(parse(TEXT)) == replay_key(parse(TEXT | {"response_url": "https://other"}))
    others = [
        TEXT,
        TEXT | {"msgid": "m2"},
        TEXT | {"aibotid": "bot2"},
        TEXT | {"msgid": "1m1", "aibotid": "bot"},
    ]
    assert len({replay_key(parse(other)) for other in others}) == len(others)


def test_a_frame_has_the_whole_text_so_far() -> None:
    assert stream_frame("task_1", "so far", finish=False, feedback_id="task_1") == {
        "msgtype": "stream",
        "stream": {"id": "task_1", "finish": False, "content": "so far", "feedback": {"id": "task_1"}},
    }


@given(st.text(alphabet="a中🚀\n", max_size=20), st.integers(min_value=20_440, max_value=20_500))
def test_a_frame_fits_and_ends_between_characters(end: str, length: int) -> None:
    content = "a" * (length - len(end.encode())) + end
    shown = stream_frame("task_1", content, finish=True)["stream"]["content"]

    assert len(shown.encode()) <= 20_480
    assert (shown == content) == (length <= 20_480)
    assert shown == content or (content.startswith(shown[:-1]) and len(shown.encode()) > 20_474)


def test_images_come_with_the_last_frame() -> None:
    frame = stream_frame("task_1", "done", finish=True, images=[b"png"])

    digest = hashlib.md5(b"png", usedforsecurity=False).hexdigest()
    image = {"base64": base64.b64encode(b"png").decode(), "md5": digest}
    assert frame["stream"]["msg_item"] == [{"msgtype": "image", "image": image}]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"finish": False, "images": [b"x"]}, "last frame"),
        ({"finish": True, "images": [b"x"] * 11}, "10 images"),
        ({"finish": True, "images": [bytes(10 * 1024 * 1024 + 1)]}, "10485760 bytes"),
        ({"finish": True, "feedback_id": ""}, "1 to 256 bytes"),
        ({"finish": True, "feedback_id": "中" * 86}, "1 to 256 bytes"),
    ],
)
def test_what_wecom_would_refuse_is_refused_first(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        stream_frame("task_1", "", **options)


def test_a_card_has_what_wecom_asks_for_and_shows_and_no_more() -> None:
    buttons = (Button("0", "是"), Button("1", "不，先等一等再说吧，谢谢"))

    shown = Card("ask@task-1", "现在\n部署吗？" * 10, buttons, text="长" * 200).to_json()

    assert problem_of(shown) is None
    assert shown["main_title"]["title"].startswith("现在 部署吗？现在 部署吗？")
    assert (len(shown["main_title"]["title"]), len(shown["sub_title_text"])) == (36, 112)
    assert [button["text"] for button in shown["button_list"]] == ["是", "不，先等一等再说吧…"]


@pytest.mark.parametrize(
    ("card_id", "title", "buttons", "problem"),
    [
        ("no/good", "t", 1, "a card's id"),
        ("c" * 129, "t", 1, "a card's id"),
        ("c", "", 1, "a title"),
        ("c", "t", 0, "1 to 6 buttons"),
        ("c", "t", 7, "1 to 6 buttons"),
    ],
)
def test_a_card_that_wecom_would_refuse_is_none(card_id: str, title: str, buttons: int, problem: str) -> None:
    card = Card(card_id, title, tuple(Button(str(n), "x") for n in range(buttons)))

    with pytest.raises(ValueError, match=problem):
        card.to_json()


def test_the_other_replies() -> None:
    shown = {"card_type": "text_notice"}
    assert welcome_text("hi") == {"msgtype": "text", "text": {"content": "hi"}}
    assert update_card(shown) == {"response_type": "update_template_card", "template_card": shown}
    assert update_card(shown, ["LiLei"])["userids"] == ["LiLei"]
    assert response_url_markdown("# hi") == {"msgtype": "markdown", "markdown": {"content": "# hi"}}


def test_a_reply_is_sealed_with_the_requests_nonce_and_readable_by_the_other_side() -> None:
    reply = stream_frame("task_1", "中文 🚀", finish=False)
    envelope = json.loads(seal_bot_reply(KEY, reply, "request nonce", NOW, RANDOM))

    assert sorted(envelope) == ["encrypt", "msgsignature", "nonce", "timestamp"]
    assert (envelope["nonce"], envelope["timestamp"]) == ("request nonce", CREATED + 2)
    query = CallbackQuery(envelope["msgsignature"], str(envelope["timestamp"]), envelope["nonce"])
    assert json.loads(KEY.open(query, envelope["encrypt"], NOW)) == reply
