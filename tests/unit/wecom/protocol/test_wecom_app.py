"""A self-built application's callbacks: typed messages from XML, and the XML that answers them."""

import re
from dataclasses import replace
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.protocol.app_callback import receive_app_message, seal_app_reply
from a2a_tasks.wecom.protocol.app_messages import (
    AppEvent,
    AppFile,
    AppImage,
    AppLink,
    AppLocation,
    AppMessage,
    AppText,
    AppUnsupported,
    AppVoice,
    CardClick,
    Content,
    parse_app_message,
)
from a2a_tasks.wecom.protocol.app_replies import button_reply, text_reply
from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery, DecryptedMessage
from a2a_tasks.wecom.protocol.deduplication import replay_key
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason
from tests.unit.wecom.protocol.wecom_vectors import vector

KEY = CallbackKey("token", "Zk3mQ9vT7xYbR2nLcW5dHsJ8pA1gUeF6oKtXiVyBhMr", "wwcorp")
RANDOM = bytes(range(16))
CREATED = 1_790_000_000
NOW = CREATED * 1000 + 2_000
HEAD = (
    "<ToUserName>wwcorp</ToUserName><FromUserName>LiLei</FromUserName>"
    f"<CreateTime>{CREATED}</CreateTime><AgentID>1000002</AgentID>"
)


def message(kind: str, rest: str) -> str:
    return f"<xml>{HEAD}<MsgType>{kind}</MsgType>{rest}</xml>"


def text_message(content: str = "hello") -> str:
    return message("text", f"<Content>{content}</Content><MsgId>7445501122334455667</MsgId>")


def event(name: str, rest: str = "<EventKey/>") -> str:
    return message("event", f"<Event>{name}</Event>{rest}")


def parsed_event(name: str, rest: str = "<EventKey/>") -> AppEvent:
    parsed = parse_app_message(event(name, rest))
    assert isinstance(parsed, AppEvent)
    return parsed


def receive(
    plain: str, now: int = NOW, agent_id: str = "1000002", nonce: str = "1790000001"
) -> DecryptedMessage[AppMessage | AppEvent]:
    encrypted = KEY.encrypt(plain, RANDOM)
    body = f"<xml><ToUserName>x</ToUserName><Encrypt>{encrypted}</Encrypt></xml>".encode()
    query = CallbackQuery(KEY.sign(str(CREATED), nonce, encrypted), str(CREATED), nonce)
    return receive_app_message([KEY], agent_id, query, body, now)


def refusal(plain: str, now: int = NOW, agent_id: str = "1000002") -> RefusalReason:
    with pytest.raises(CallbackRefused) as caught:
        receive(plain, now, agent_id)
    return caught.value.reason


def test_a_text_says_who_sent_it_when_and_what() -> None:
    received = receive(text_message("a &lt;b&gt; &amp; 𠮷"))

    assert received.message == AppMessage(
        "wwcorp", "1000002", "LiLei", CREATED, "7445501122334455667", AppText("a <b> & 𠮷")
    )
    assert received.key is KEY


@pytest.mark.parametrize(
    ("kind", "fields", "content"),
    [
        ("image", "<PicUrl>p</PicUrl><MediaId>m</MediaId>", AppImage("m")),
        ("voice", "<MediaId>m</MediaId><Format>amr</Format>", AppVoice()),
        ("video", "<MediaId>m</MediaId><ThumbMediaId>t</ThumbMediaId>", AppUnsupported("video")),
        (
            "location",
            "<Location_X>23.1</Location_X><Location_Y>113.3</Location_Y><Scale>15</Scale><Label>广州</Label>",
            AppLocation("23.1", "113.3", "广州"),
        ),
        (
            "link",
            "<Title>t</Title><Description>d</Description><Url>u</Url><PicUrl>p</PicUrl>",
            AppLink("t", "d", "u"),
        ),
        ("file", "<MediaId>m</MediaId>", AppFile("m")),
        ("file", "", AppUnsupported("file")),
        ("text", "", AppText("")),
    ],
)
def test_each_type_has_its_own_fields(kind: str, fields: str, content: Content) -> None:
    parsed = receive(message(kind, f"{fields}<MsgId>1</MsgId>")).message

    assert isinstance(parsed, AppMessage)
    assert parsed.content == content


@pytest.mark.parametrize("name", ["enter_agent", "LOCATION", "Subscribe", "click"])
def test_the_case_of_an_events_name_does_not_matter(name: str) -> None:
    parsed = receive(event(name, "<EventKey>MENU</EventKey>")).message

    assert parsed == AppEvent("wwcorp", "1000002", "LiLei", CREATED, name.lower(), "MENU")


def test_a_click_on_a_card_says_which_card_it_was() -> None:
    parsed = parsed_event(
        "TEMPLATE_CARD_EVENT",
        "<EventKey>stop</EventKey><TaskId>t1</TaskId><CardType>button_interaction</CardType>"
        "<ResponseCode>code</ResponseCode>",
    )

    assert (parsed.event_key, parsed.click) == ("stop", CardClick("t1", "code"))
    assert "code" not in repr(parsed)


@pytest.mark.parametrize(
    "plain",
    [
        text_message().replace(f"<CreateTime>{CREATED}</CreateTime>", ""),
        text_message().replace(str(CREATED), "١٧٩٠٠٠٠٠٠٠"),
        text_message().replace("<FromUserName>LiLei</FromUserName>", "<FromUserName/>"),
        text_message().replace("<MsgId>7445501122334455667</MsgId>", ""),
        text_message().replace("<MsgType>text</MsgType>", ""),
        message("event", ""),
        "<xml/>",
    ],
)
def test_a_message_without_what_every_message_has_is_refused(plain: str) -> None:
    assert refusal(plain) is RefusalReason.MESSAGE


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "hello",
        "<xml>",
        "<!DOCTYPE xml><xml/>",
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///e">]><x>&e;</x>',
        "\0",
    ],
)
def test_what_is_inside_may_have_no_document_type_either(plain: str) -> None:
    assert refusal(plain) is RefusalReason.XML


@pytest.mark.parametrize(
    "inside",
    ["<a>" * 40 + "</a>" * 40, "<a/>" * 10_001, "<a b='c'/>" * 5_001, "<a>" * 20_000],
    ids=["deep", "many", "with attributes", "never closed"],
)
def test_a_message_beyond_the_limits_of_xml_is_refused(inside: str) -> None:
    assert refusal(text_message().replace("</xml>", f"{inside}</xml>")) is RefusalReason.XML


@pytest.mark.parametrize("created", ["1" * 5_000, "-1", "1.5", "一"])
def test_a_moment_that_is_none_is_refused(created: str) -> None:
    message = re.sub("<CreateTime>.*</CreateTime>", f"<CreateTime>{created}</CreateTime>", text_message())

    assert refusal(message) is RefusalReason.MESSAGE


def test_a_message_for_another_corp_or_application_is_refused() -> None:
    assert refusal(text_message().replace("wwcorp", "wwother")) is RefusalReason.RECIPIENT
    assert refusal(text_message(), agent_id="1000003") is RefusalReason.RECIPIENT


def test_a_large_body_is_refused_unread() -> None:
    body = b"<xml><Encrypt>" + b"A" * (256 * 1024) + b"</Encrypt></xml>"

    with pytest.raises(CallbackRefused, match="too_large"):
        receive_app_message([KEY], "1000002", CallbackQuery("", "", ""), body, NOW)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"<xml>{text}</xml>".encode()))
def test_whatever_comes_is_refused_and_not_an_error(body: bytes) -> None:
    with pytest.raises(CallbackRefused):
        receive_app_message([KEY], "1000002", CallbackQuery("", "", ""), body, NOW)


@pytest.mark.parametrize("encoding", ["utf-16", "gbk", "no-such-encoding"])
def test_a_body_in_another_encoding_is_no_error(encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?><xml>\u4e2d</xml>'.encode()

    with pytest.raises(CallbackRefused):
        receive_app_message([KEY], "1000002", CallbackQuery("", "", ""), body, NOW)


def test_an_exchange_of_timestamp_and_nonce_does_not_revive_a_request() -> None:
    """The signature holds, the new timestamp is near; the time that is encrypted is not."""
    later = CREATED + 7 * 86_400
    encrypted = KEY.encrypt(text_message(), RANDOM)
    body = f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode()
    recorded = CallbackQuery(KEY.sign(str(CREATED), str(later), encrypted), str(CREATED), str(later))
    exchanged = replace(recorded, timestamp=recorded.nonce, nonce=recorded.timestamp)

    assert receive_app_message([KEY], "1000002", recorded, body, NOW)
    with pytest.raises(CallbackRefused, match="replay"):
        receive_app_message([KEY], "1000002", exchanged, body, later * 1000)


def test_deliveries_of_one_message_have_one_replay_key() -> None:
    first = replay_key(receive(text_message()).message)

    assert replay_key(receive(text_message(), now=NOW + 5_000, nonce="2").message) == first
    assert first is not None
    assert len(first) == 64


def test_other_messages_have_other_replay_keys() -> None:
    sent = parse_app_message(text_message())
    assert isinstance(sent, AppMessage)
    others = [
        sent,
        replace(sent, corp_id="wwother"),
        replace(sent, agent_id="1000003"),
        replace(sent, message_id="7445501122334455668"),
    ]

    assert len({replay_key(other) for other in others}) == len(others)


def test_events_have_no_id_but_their_sender_time_name_and_key() -> None:
    happened = parsed_event("click", "<EventKey>MENU</EventKey>")
    others = [
        happened,
        replace(happened, user_id="HanMeimei"),
        replace(happened, created_at=CREATED + 1),
        replace(happened, event="view"),
        replace(happened, event_key="OTHER"),
        replace(happened, event="clickME", event_key="NU"),
    ]

    assert len({replay_key(other) for other in others}) == len(others)
    # AND WeCom's case varies, in names and in user ids
    again = parsed_event("CLICK", "<EventKey>MENU</EventKey>")
    assert replay_key(replace(again, user_id="lilei")) == replay_key(happened)


def test_clicks_on_two_cards_in_the_same_second_are_two() -> None:
    first, second = (
        parsed_event("template_card_event", f"<EventKey>stop</EventKey><ResponseCode>{code}</ResponseCode>")
        for code in ("code 1", "code 2")
    )

    assert replay_key(first) != replay_key(second)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])))
def test_a_text_reply_is_read_as_it_was_written(content: str) -> None:
    sent = parse_app_message(text_message())
    reply = fromstring(text_reply(sent, content + "]]><x>", NOW))  # noqa: S314

    assert reply.findtext("Content") == content + "]]><x>"
    assert [reply.findtext(name) for name in ("ToUserName", "FromUserName", "MsgType", "CreateTime")] == [
        "LiLei",
        "wwcorp",
        "text",
        str(CREATED + 2),
    ]


def test_a_text_reply_fits_into_what_is_shown() -> None:
    sent = parse_app_message(text_message())
    content = fromstring(text_reply(sent, "中" * 1000, NOW)).findtext("Content")  # noqa: S314

    assert content is not None
    assert len(content.encode()) <= 2048
    assert content == "中" * 681 + "…"


def test_a_click_is_answered_by_another_button() -> None:
    reply = fromstring(button_reply(parsed_event("template_card_event"), "Stopped", NOW))  # noqa: S314

    assert (reply.findtext("MsgType"), reply.findtext("Button/ReplaceName")) == ("update_button", "Stopped")


def test_the_envelope_of_a_reply_has_the_elements_of_the_reference() -> None:
    reference = vector("app_passive_reply")
    envelope = fromstring(seal_app_reply(KEY, "<xml>hi</xml>", "nonce", NOW, RANDOM))  # noqa: S314

    assert [child.tag for child in envelope] == [child.tag for child in fromstring(reference.body)]  # noqa: S314
    encrypt, signature, timestamp, nonce = (child.text or "" for child in envelope)
    assert (timestamp, nonce) == (str(CREATED + 2), "nonce")
    assert KEY.open(CallbackQuery(signature, timestamp, nonce), encrypt, NOW) == "<xml>hi</xml>"
