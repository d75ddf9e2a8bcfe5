"""The client of WeCom's API: on a double of WeCom, and on servers that do not behave."""

import json
import traceback
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from a2a_tasks.adapters.wecom.api import MAX_ANSWER_BYTES, HttpWeComApi
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.ports import (
    FileTooLarge,
    SentFile,
    UnreachedRecipients,
    UploadKind,
    WeComRefused,
    WeComUnanswered,
)
from local.wecom.client import WeComClient
from local.wecom.faults import Fault
from local.wecom.faults import Kind as FaultKind
from local.wecom.settings import Settings
from tests.integration.support.receiver import Behaviour, Receiver, hang_up, receiving, reply, reset, trickle

SECRET = "c0rp-secret+/="
TEXT = {"touser": "LiLei", "agentid": 1000002, "msgtype": "text", "text": {"content": "你好"}}


@pytest.fixture
def wecom(shared_wecom: WeComClient) -> WeComClient:
    shared_wecom.use(Settings(unlicensed=("WangWei",)))
    return shared_wecom


@pytest.fixture
def api() -> HttpWeComApi:
    return HttpWeComApi(connect_seconds=60, total_seconds=60, file_seconds=60)


@pytest.fixture
def impatient() -> HttpWeComApi:
    return HttpWeComApi(total_seconds=0.3, file_seconds=0.3)


def connection_to(base_url: str) -> Connection:
    corp_id = Settings().app.corp_id
    return Connection(
        "app", "demo", ConnectionKind.APP, "arn", 0, corp_id=corp_id, app_id="1", api_url=base_url
    )


def token(api: HttpWeComApi, wecom: WeComClient) -> str:
    return api.issue_token(connection_to(wecom.base_url), wecom.settings().app.secret).value


def test_a_token_and_how_long_it_is_good(api: HttpWeComApi, wecom: WeComClient) -> None:
    issued = api.issue_token(connection_to(wecom.base_url), wecom.settings().app.secret)
    assert 7_190 < issued.seconds <= 7_200
    assert issued.value not in repr(issued)


def test_a_message_arrives_as_it_was_written(api: HttpWeComApi, wecom: WeComClient) -> None:
    sent = api.send_message(connection_to(wecom.base_url), token(api, wecom), TEXT)
    assert sent == UnreachedRecipients()
    assert wecom.seen().texts("LiLei") == ["你好"]


def test_who_is_not_reached_is_told(api: HttpWeComApi, wecom: WeComClient) -> None:
    message = TEXT | {"touser": "LiLei|nobody|WangWei"}
    sent = api.send_message(connection_to(wecom.base_url), token(api, wecom), message)
    assert sent == UnreachedRecipients(("nobody",), ("WangWei",))


def test_files_arrive_byte_by_byte(api: HttpWeComApi, wecom: WeComClient) -> None:
    content = bytes(range(256)) * 40 + b"\r\n--boundary--\r\n"
    connection = connection_to(wecom.base_url)
    media_id = api.upload(connection, token(api, wecom), "报告.md", content, UploadKind.FILE)
    assert wecom.uploaded(media_id) == content
    key = wecom.settings().webhook_keys[0]
    assert wecom.uploaded(api.upload_to_group(connection, key, "a.md", content)) == content


def test_a_response_url_of_another_host_gets_nothing(api: HttpWeComApi) -> None:
    with receiving() as stranger, pytest.raises(WeComUnanswered, match=r"not WeCom's"):
        api.respond(connection_to("https://qyapi.weixin.qq.com"), stranger.url, {"msgtype": "markdown"})
    assert stranger.connections == 0


@pytest.mark.parametrize(
    "host", ["https://qyapi.weixin.qq.com.evil.example/", "https://qyapi.weixin.qq.com@evil.example/"]
)
def test_nor_does_one_that_only_looks_like_wecoms(api: HttpWeComApi, host: str) -> None:
    with pytest.raises(WeComUnanswered, match=r"not WeCom's"):
        api.respond(connection_to("https://qyapi.weixin.qq.com"), host, {"msgtype": "markdown"})


def test_wecoms_errors_are_told_by_their_code(api: HttpWeComApi, wecom: WeComClient) -> None:
    with pytest.raises(WeComRefused) as caught:
        api.issue_token(connection_to(wecom.base_url), "wrong")
    assert (caught.value.errcode, str(caught.value)) == (40001, "gettoken: WeCom's error 40001")


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.LOSE])
def test_a_broken_connection_may_have_carried_the_message(
    api: HttpWeComApi, wecom: WeComClient, kind: FaultKind
) -> None:
    access = token(api, wecom)
    wecom.plan("message/send", Fault(kind))
    with pytest.raises(WeComUnanswered):
        api.send_message(connection_to(wecom.base_url), access, TEXT)
    assert len(wecom.seen().deliveries) == (kind is FaultKind.LOSE)


def test_who_is_slow_has_not_answered(api: HttpWeComApi, impatient: HttpWeComApi, wecom: WeComClient) -> None:
    access = token(api, wecom)
    wecom.plan("message/send", Fault(FaultKind.SLOW, seconds=20.0))
    with pytest.raises(WeComUnanswered, match=r"within 0\.3 s"):
        impatient.send_message(connection_to(wecom.base_url), access, TEXT)


def test_where_nobody_listens_nothing_has_arrived(api: HttpWeComApi) -> None:
    with receiving() as gone:
        base_url = f"http://127.0.0.1:{gone.port}"
    with pytest.raises(WeComUnanswered):
        api.issue_token(connection_to(base_url), SECRET)


ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
DRIBBLE = trickle(ENDLESS, b" ", 0.05)
OTHERS: list[Behaviour] = [
    reply(200, b"<html>"),
    reply(200, b"[]"),
    reply(200, b"{}"),
    reply(200, b'{"errcode": "0"}'),
    reply(502, b'{"errcode": 0}'),
    reply(302, b"", Location="http://127.0.0.1:9/"),
    reply(200, b" " * (MAX_ANSWER_BYTES + 1)),
    DRIBBLE,
    trickle(ENDLESS, b" " * 65_536, 0.0),
    hang_up,
    reset,
]


@pytest.mark.parametrize("behaviour", OTHERS)
@pytest.mark.parametrize(
    "ask",
    [
        lambda api, connection: api.issue_token(connection, SECRET),
        lambda api, connection: api.send_message(connection, SECRET, TEXT),
        lambda api, connection: api.send_to_group(connection, SECRET, TEXT),
        lambda api, connection: api.upload(connection, SECRET, "a.md", b"123456", UploadKind.FILE),
    ],
    ids=["gettoken", "message", "group", "upload"],
)
def test_what_is_no_answer_of_wecoms_is_none_and_says_no_secret(
    api: HttpWeComApi,
    impatient: HttpWeComApi,
    ask: Callable[[HttpWeComApi, Connection], object],
    behaviour: Behaviour,
) -> None:
    client = impatient if behaviour is DRIBBLE else api
    with receiving(behaviour) as server, pytest.raises(WeComUnanswered) as caught:
        ask(client, connection_to(f"http://127.0.0.1:{server.port}"))
    assert "c0rp" not in "".join(traceback.format_exception(caught.value))
    assert server.connections == 1


def asked(server: Receiver) -> tuple[str, dict[str, list[str]]]:
    (request,) = server.requests
    address = urlsplit(request.line.split()[1])
    return address.path, parse_qs(address.query)


def test_what_is_secret_is_escaped_in_the_address(api: HttpWeComApi) -> None:
    body = json.dumps({"errcode": 0, "access_token": "t", "expires_in": 7200}).encode()
    with receiving(reply(200, body)) as server:
        api.issue_token(connection_to(f"http://127.0.0.1:{server.port}"), SECRET)
        assert asked(server)[1]["corpsecret"] == [SECRET]


def test_the_address_that_wecom_does_not_trust_is_read_from_its_answer(api: HttpWeComApi) -> None:
    told = "not allow to access from your ip, hint: [1], from ip: 203.0.113.7, more info at …"
    body = json.dumps({"errcode": 60020, "errmsg": told}).encode()
    with receiving(reply(200, body)) as server, pytest.raises(WeComRefused) as caught:
        api.send_message(connection_to(f"http://127.0.0.1:{server.port}"), "t", TEXT)
    assert (caught.value.errcode, caught.value.from_ip) == (60020, "203.0.113.7")


def test_a_file_that_somebody_has_sent(api: HttpWeComApi) -> None:
    disposition = 'attachment; filename="photo.png"'
    answer = reply(200, b"\x89PNG", Content_Type="image/png", Content_Disposition=disposition)
    with receiving(answer) as server:
        connection = connection_to(f"http://127.0.0.1:{server.port}")
        found = api.download(connection, "t", "media", 100)
        assert asked(server) == ("/cgi-bin/media/get", {"access_token": ["t"], "media_id": ["media"]})
    assert found == SentFile(b"\x89PNG", "photo.png")


def test_a_text_file_is_no_error_and_keeps_its_name(api: HttpWeComApi) -> None:
    disposition = 'attachment; filename="报告.txt"'
    answer = reply(200, b"hello", Content_Type="text/plain", Content_Disposition=disposition)
    with receiving(answer) as server:
        found = api.download(connection_to(f"http://127.0.0.1:{server.port}"), "t", "media", 100)
    assert (found.content, found.name) == (b"hello", "报告.txt")


def test_a_file_that_is_gone_and_one_that_is_too_large(api: HttpWeComApi) -> None:
    gone = reply(200, b'{"errcode": 40007}', Content_Type="application/json; charset=UTF-8")
    large = reply(200, b"x" * 101, Content_Type="image/png")
    with receiving(gone, large) as server:
        connection = connection_to(f"http://127.0.0.1:{server.port}")
        with pytest.raises(WeComRefused, match="40007"):
            api.download(connection, "t", "media", 100)
        with pytest.raises(FileTooLarge):
            api.download(connection, "t", "media", 100)


def test_the_departments_of_somebody(api: HttpWeComApi) -> None:
    body = json.dumps({"errcode": 0, "userid": "LiLei", "department": [2, 7]}).encode()
    with receiving(reply(200, body)) as server:
        connection = replace(connection_to(f"http://127.0.0.1:{server.port}"))
        assert api.departments(connection, "t", "LiLei") == {2, 7}
