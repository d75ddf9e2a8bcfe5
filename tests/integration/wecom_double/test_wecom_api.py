"""The double's API: tokens, messages, cards, media, group robots, and what goes wrong with them."""

import base64
import hashlib
import json
import threading
from typing import Any

import httpx
import pytest

from local.wecom.client import WeComClient
from local.wecom.faults import Fault, Kind
from local.wecom.settings import App
from tests.integration.wecom_double.double import tighten

APP = App()
KEY = "double-webhook-key"
NOTICE = {"card_type": "text_notice", "card_action": {"type": 1, "url": "https://example.com"}}


def token(api: httpx.Client) -> str:
    answer = api.get("gettoken", params={"corpid": APP.corp_id, "corpsecret": APP.secret}).json()
    assert answer["errcode"] == 0
    return str(answer["access_token"])


def post(api: httpx.Client, endpoint: str, body: dict[str, Any], **query: str) -> dict[str, Any]:
    query = query or {"access_token": token(api)}
    content = json.dumps(body, ensure_ascii=False).encode()
    answer: dict[str, Any] = api.post(endpoint, params=query, content=content).json()
    return answer


def send(api: httpx.Client, touser: str = "LiLei", **rest: Any) -> dict[str, Any]:
    message = {"touser": touser, "agentid": APP.agent_id, "msgtype": "text", "text": {"content": "hi"}}
    return post(api, "message/send", message | rest)


def upload(api: httpx.Client, content: bytes, kind: str = "file", **query: str) -> dict[str, Any]:
    endpoint = "webhook/upload_media" if query else "media/upload"
    query = (query or {"access_token": token(api)}) | {"type": kind}
    files = {"media": ("résumé.txt", content, "application/octet-stream")}
    answer: dict[str, Any] = api.post(endpoint, params=query, files=files).json()
    return answer


def webhook(api: httpx.Client, kind: str, part: dict[str, Any], key: str = KEY) -> int:
    return int(post(api, "webhook/send", {"msgtype": kind, kind: part}, key=key)["errcode"])


def test_a_token_is_the_same_until_it_expires(api: httpx.Client, wecom: WeComClient) -> None:
    first = token(api)
    assert token(api) == first
    assert api.get("getcallbackip", params={"access_token": first}).json()["ip_list"] == ["127.0.0.1"]

    wecom.advance(7_200)

    assert api.get("getcallbackip", params={"access_token": first}).json()["errcode"] == 42001
    assert token(api) != first


def test_a_member_is_in_departments(api: httpx.Client, wecom: WeComClient) -> None:
    tighten(wecom, departments={"LiLei": [2, 7]})
    query = {"access_token": token(api)}
    people = [api.get("user/get", params=query | {"userid": who}).json() for who in ("LiLei", "WangWei", "x")]
    assert [one.get("department") for one in people] == [[2, 7], [1], None]
    assert people[-1]["errcode"] == 60111


def test_a_token_can_be_taken_back_early(api: httpx.Client, wecom: WeComClient) -> None:
    first = token(api)
    wecom.revoke_token()

    assert api.get("getcallbackip", params={"access_token": first}).json()["errcode"] == 40014
    assert api.get("getcallbackip", params={"access_token": "x"}).json()["errcode"] == 40014
    assert api.get("getcallbackip").json()["errcode"] == 41001
    assert token(api) != first


def test_many_bad_secrets_block_for_an_hour(api: httpx.Client, wecom: WeComClient) -> None:
    tighten(wecom, failures_before_block=3)
    bad = {"corpid": APP.corp_id, "corpsecret": "guess"}
    assert api.get("gettoken", params=bad | {"corpid": "other"}).json()["errcode"] == 40013
    assert [api.get("gettoken", params=bad).json()["errcode"] for _ in range(4)] == [40001] * 3 + [45009]

    good = {"corpid": APP.corp_id, "corpsecret": APP.secret}
    assert api.get("gettoken", params=good).json()["errcode"] == 45009
    wecom.advance(3_600)
    assert api.get("gettoken", params=good).json()["errcode"] == 0


def test_a_text_arrives_cut_to_2048_bytes_without_a_word(api: httpx.Client, wecom: WeComClient) -> None:
    assert send(api, text={"content": "中" * 1_000})["errcode"] == 0

    (delivery,) = wecom.seen().deliveries
    assert (delivery.to, delivery.text, delivery.was_truncated) == ("LiLei", "中" * 682, True)


def test_members_are_told_apart_from_strangers_and_the_unlicensed(
    api: httpx.Client, wecom: WeComClient
) -> None:
    tighten(wecom, unlicensed=("WangWei",))
    answer = send(api, "lilei|nobody|WangWei|HANMEIMEI")

    assert (answer["errcode"], answer["invaliduser"], answer["unlicenseduser"]) == (0, "nobody", "WangWei")
    assert [delivery.to for delivery in wecom.seen().deliveries] == ["LiLei", "HanMeimei"]
    assert send(api, "nobody|WangWei")["errcode"] == 81013
    assert send(api, "")["errcode"] == 81013


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"agentid": 7}, 40056),
        ({"msgtype": "telegram"}, 40008),
        ({"text": {"content": ""}}, 44004),
        ({"text": {}}, 44004),
        ({"msgtype": "markdown", "markdown": {"content": "x" * 2049}}, 45002),
        ({"msgtype": "file", "file": {"media_id": "none"}}, 40007),
        ({"touser": "|".join(["LiLei"] * 1001)}, 40058),
        ({"enable_duplicate_check": 1, "duplicate_check_interval": 14_401}, 40058),
        ({"msgtype": "template_card", "template_card": {"card_type": "poster"}}, 40058),
        ({"msgtype": "template_card", "template_card": {"card_type": "button_interaction"}}, 40058),
        (
            {"msgtype": "template_card", "template_card": NOTICE | {"task_id": "no/good"}},
            40058,
        ),
    ],
)
def test_what_is_wrong_with_a_message_has_its_code(
    api: httpx.Client, wecom: WeComClient, change: dict[str, Any], errcode: int
) -> None:
    assert send(api, **change)["errcode"] == errcode
    assert wecom.seen().deliveries == []


def test_escaped_text_is_refused(api: httpx.Client, wecom: WeComClient) -> None:
    message = {"touser": "LiLei", "agentid": APP.agent_id, "msgtype": "text", "text": {"content": "中"}}
    query = {"access_token": token(api)}

    assert api.post("message/send", params=query, content=json.dumps(message)).json()["errcode"] == 40033
    assert send(api, text={"content": "a backslash: \\u4e2d"})["errcode"] == 0
    assert wecom.seen().texts("LiLei") == ["a backslash: \\u4e2d"]
    assert api.post("message/send", params=query, content=b"{").json()["errcode"] == 40058


def test_the_same_message_again_is_suppressed_if_asked_for(api: httpx.Client, wecom: WeComClient) -> None:
    for _ in range(2):
        assert send(api, enable_duplicate_check=1)["errcode"] == 0
    assert len(wecom.seen().deliveries) == 1
    wecom.advance(1_800)
    send(api, enable_duplicate_check=1)
    send(api)
    send(api)
    assert len(wecom.seen().deliveries) == 4


def test_what_is_too_much_for_a_member_is_dropped_silently(api: httpx.Client, wecom: WeComClient) -> None:
    assert {send(api)["errcode"] for _ in range(31)} == {0}

    assert (len(wecom.seen().deliveries), len(wecom.seen().dropped)) == (30, 1)
    wecom.advance(60)
    send(api)
    assert len(wecom.seen().deliveries) == 31


def test_an_hour_has_its_own_limit(api: httpx.Client, wecom: WeComClient) -> None:
    tighten(wecom, member_messages_an_hour=2)
    for _ in range(3):
        send(api)
        wecom.advance(120)
    assert len(wecom.seen().dropped) == 1


def test_calls_have_limits_by_the_minute_and_at_once(api: httpx.Client, wecom: WeComClient) -> None:
    api.get("getcallbackip")  # forgotten with everything else, as the settings are changed
    tighten(wecom, calls_a_minute=2)
    assert [api.get("getcallbackip").json()["errcode"] for _ in range(3)] == [41001, 41001, 45009]

    tighten(wecom, calls_a_minute=100_000, calls_at_once=1)
    query = {"access_token": token(api)}
    wecom.plan("getcallbackip", Fault(Kind.SLOW, seconds=0.5))
    slow = threading.Thread(target=lambda: api.get("getcallbackip", params=query))
    slow.start()
    meanwhile = set()
    while slow.is_alive():
        meanwhile.add(api.get("message/send").json()["errcode"])
    slow.join()
    assert 45033 in meanwhile
    assert api.get("getcallbackip", params=query).json()["errcode"] == 0


def test_a_strange_address_is_told_so(api: httpx.Client, wecom: WeComClient) -> None:
    tighten(wecom, trusts_caller=False)

    assert send(api)["errcode"] == 60020
    # BUT group robots need no address
    assert webhook(api, "text", {"content": "hi"}) == 0


def test_a_card_changes_once_by_its_code(api: httpx.Client, wecom: WeComClient) -> None:
    card = {
        "card_type": "button_interaction",
        "main_title": {"title": "Running"},
        "button_list": [{"text": "Stop", "key": "stop"}],
        "task_id": "task_1",
    }
    code = send(api, msgtype="template_card", template_card=card)["response_code"]
    update = {"userids": ["LiLei"], "agentid": APP.agent_id, "response_code": code}
    update["button"] = {"replace_name": "Stopped"}

    assert post(api, "message/update_template_card", update)["errcode"] == 0
    assert post(api, "message/update_template_card", update)["errcode"] == 40058
    assert wecom.seen().texts("LiLei") == ["Running", "Stopped"]
    # AND no second card has the task's id
    assert send(api, msgtype="template_card", template_card=card)["errcode"] == 40058


def test_a_cards_code_lives_72_hours(api: httpx.Client, wecom: WeComClient) -> None:
    card = NOTICE | {"main_title": {"title": "Running"}}
    code = send(api, msgtype="template_card", template_card=card)["response_code"]
    wecom.advance(72 * 3_600)
    update = {"atall": 1, "agentid": APP.agent_id, "response_code": code, "button": {"replace_name": "x"}}

    assert post(api, "message/update_template_card", update)["errcode"] == 40058


def test_a_file_is_uploaded_and_sent_within_three_days(api: httpx.Client, wecom: WeComClient) -> None:
    content = b"\x00\xff\r\n--boundary\r\n" * 100
    media_id = upload(api, content)["media_id"]

    assert wecom.uploaded(media_id) == content
    assert send(api, msgtype="file", file={"media_id": media_id})["errcode"] == 0
    assert wecom.seen().texts("LiLei") == ["résumé.txt"]
    assert send(api, msgtype="image", image={"media_id": media_id})["errcode"] == 40007
    wecom.advance(3 * 86_400)
    assert send(api, msgtype="file", file={"media_id": media_id})["errcode"] == 40007


def test_files_have_limits(api: httpx.Client) -> None:
    assert upload(api, b"12345")["errcode"] == 40006
    assert upload(api, b"123456")["errcode"] == 0
    assert upload(api, b"123456", kind="hologram")["errcode"] == 40004
    assert upload(api, bytes(2 * 1024 * 1024 + 1), kind="voice")["errcode"] == 45001
    assert upload(api, bytes(20 * 1024 * 1024 + 1))["errcode"] == 45001
    assert post(api, "media/upload", {}, access_token=token(api), type="file")["errcode"] == 41005


def test_a_robot_takes_twenty_messages_a_minute_failed_ones_included(
    api: httpx.Client, wecom: WeComClient
) -> None:
    codes = [webhook(api, "text", {"content": "hi" if number % 2 else ""}) for number in range(21)]

    assert codes == [44004, 0] * 10 + [45009]
    wecom.advance(60)
    assert webhook(api, "text", {"content": "hi"}) == 0
    assert len(wecom.seen().texts(KEY)) == 11


IMAGE = base64.b64encode(b"png").decode()
MD5 = hashlib.md5(b"png", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("kind", "part", "errcode"),
    [
        ("text", {"content": "x" * 2048, "mentioned_list": ["LiLei"]}, 0),
        ("text", {"content": "x" * 2049}, 40058),
        ("markdown", {"content": "中" * 1365}, 0),
        ("markdown", {"content": "中" * 1366}, 40058),
        ("markdown_v2", {"content": "x" * 4096}, 0),
        ("markdown_v2", {"content": "x" * 4097}, 40058),
        ("image", {"base64": IMAGE, "md5": MD5}, 0),
        ("image", {"base64": IMAGE, "md5": "0" * 32}, 301019),
        ("image", {"base64": "*", "md5": MD5}, 40058),
        ("news", {"articles": [{"title": "t"}]}, 0),
        ("news", {"articles": [{"title": "t"}] * 9}, 40058),
        ("template_card", NOTICE, 0),
        ("template_card", {"card_type": "text_notice"}, 40058),
        ("telegram", {}, 40008),
    ],
)
def test_a_robot_takes_what_wecom_takes(
    api: httpx.Client, kind: str, part: dict[str, Any], errcode: int
) -> None:
    assert webhook(api, kind, part) == errcode


def test_a_robots_file_is_its_own(api: httpx.Client, wecom: WeComClient) -> None:
    tighten(wecom, webhook_keys=(KEY, "other"))
    media_id = upload(api, b"content", key=KEY)["media_id"]

    assert webhook(api, "file", {"media_id": media_id}) == 0
    assert webhook(api, "file", {"media_id": media_id}, key="other") == 40007
    assert webhook(api, "file", {"media_id": media_id}, key="none") == 93000
    assert upload(api, b"content", key="none")["errcode"] == 93000
    assert upload(api, b"content", kind="image", key=KEY)["errcode"] == 40004


def test_faults_come_as_planned(api: httpx.Client, wecom: WeComClient) -> None:
    query = {"access_token": token(api)}
    body = json.dumps(
        {"touser": "LiLei", "agentid": APP.agent_id, "msgtype": "text", "text": {"content": "x"}}
    )

    def call() -> int:
        return int(api.post("message/send", params=query, content=body).json()["errcode"])

    wecom.plan("message/send", Fault(Kind.ERRCODE, errcode=-1), times=2)
    wecom.plan("message/send", Fault(Kind.TWICE))
    assert [call() for _ in range(3)] == [-1, -1, 0]
    assert len(wecom.seen().deliveries) == 2

    wecom.plan("message/send", Fault(Kind.DROP))
    wecom.plan("message/send", Fault(Kind.LOSE))
    for deliveries in (2, 3):
        with pytest.raises(httpx.TransportError):
            call()
        assert len(wecom.seen().deliveries) == deliveries

    wecom.plan("message/send", Fault(Kind.SLOW, seconds=20))
    with pytest.raises(httpx.ReadTimeout):
        api.post("message/send", params=query, content=body, timeout=httpx.Timeout(30, read=1))
    assert len(wecom.seen().deliveries) == 4
    assert [call.errcode for call in wecom.seen().calls if call.endpoint == "message/send"][:5] == [
        -1,
        -1,
        0,
        None,
        None,
    ]


def test_a_reset_forgets_all_but_the_settings(api: httpx.Client, wecom: WeComClient) -> None:
    tighten(wecom, members=("Solo",))
    first = token(api)
    send(api, "Solo")
    wecom.reset()

    assert wecom.seen().deliveries == []
    assert wecom.settings().members == ("Solo",)
    assert api.get("getcallbackip", params={"access_token": first}).json()["errcode"] == 40014
    with pytest.raises(LookupError, match="no exchange"):
        wecom.exchange("none")
