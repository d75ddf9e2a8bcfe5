"""Requests to receivers: real ones on this machine, reached only by addresses that were checked."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address

import httpcore2
import pytest

from a2a_tasks.adapters.webhooks import client
from a2a_tasks.adapters.webhooks.client import GuardedClient
from a2a_tasks.domain.webhooks.target import Address
from a2a_tasks.ports.webhooks import NotAnswered, ReceiverAnswer
from tests.integration.support.receiver import Authority, Receiver, hang_up, receiving, reply, reset, trickle

BODY = b'{"statusUpdate":{}}'
PUBLIC = "93.184.215.14"
HEADERS = [("Content-Type", "application/a2a+json"), ("webhook-id", "msg_1")]


class Names:
    """A resolver that gives the next of its answers each time, and the last one from then on."""

    def __init__(self, *answers: str | list[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> list[Address]:  # noqa: ARG002
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [ip_address(text) for text in ([answer] if isinstance(answer, str) else answer)]


def post(
    url: str,
    names: Names | None = None,
    *,
    allow_loopback: bool = True,
    tls: ssl.SSLContext | None = None,
    headers: list[tuple[str, str]] = HEADERS,
    seconds: float = 60,
) -> ReceiverAnswer:
    client = GuardedClient(
        allow_loopback=allow_loopback,
        tls=tls,
        resolve=names.resolve if names else None,
        connect_seconds=seconds,
        total_seconds=seconds,
    )
    return asyncio.run(client.post(url, headers, BODY))


def problem(url: str, names: Names | None = None, *, allow_loopback: bool = True, seconds: float = 60) -> str:
    with pytest.raises(NotAnswered) as raised:
        post(url, names, allow_loopback=allow_loopback, seconds=seconds)
    return str(raised.value)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


def test_a_receiver_gets_the_body_and_the_headers_as_they_were_given(receiver: Receiver) -> None:
    assert post(f"{receiver.url};v=1?key=a%20b&c") == ReceiverAnswer(200)

    (request,) = receiver.requests
    assert request.line == "POST /hook;v=1?key=a%20b&c HTTP/1.1"
    assert request.body == BODY
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/a2a+json",
        "webhook-id": "msg_1",
        "content-length": str(len(BODY)),
    }


def test_each_request_has_a_connection_of_its_own(receiver: Receiver) -> None:
    async def three_at_once() -> list[ReceiverAnswer]:
        client = GuardedClient(allow_loopback=True)
        return await asyncio.gather(*(client.post(receiver.url, HEADERS, BODY) for _ in range(3)))

    assert asyncio.run(three_at_once()) == [ReceiverAnswer(200)] * 3
    assert receiver.connections == 3


@pytest.mark.parametrize("status", [204, 400, 404, 410, 429, 500, 503])
def test_the_status_is_the_answer(receiver: Receiver, status: int) -> None:
    receiver.script = [reply(status, b"some words" if status != 204 else b"")]
    assert post(receiver.url) == ReceiverAnswer(status)


@pytest.mark.parametrize("value", ["120", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_with_when_to_come_again(receiver: Receiver, value: str) -> None:
    receiver.script = [reply(503, Retry_After=value)]
    assert post(receiver.url) == ReceiverAnswer(503, value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver, status: int) -> None:
    receiver.script = [reply(status, Location="http://169.254.169.254/latest/meta-data/")]
    names = Names("127.0.0.1")
    assert post(receiver.url.replace("127.0.0.1", "localhost"), names) == ReceiverAnswer(status)
    assert names.asked == ["localhost"]
    assert receiver.connections == 1


def test_no_proxy_of_the_environment_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert post(receiver.url) == ReceiverAnswer(200)


@pytest.mark.parametrize(
    "answer",
    [
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "127.0.0.1",
        "::1",
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
    ],
)
def test_a_name_that_leads_inside_is_not_connected_to(receiver: Receiver, answer: str | list[str]) -> None:
    url = f"https://example.com:{receiver.port}/"
    text = problem(url, Names(answer), allow_loopback=False)
    assert text == "the host has an address that is not on the internet"
    assert receiver.connections == 0


def test_a_name_that_changes_after_it_was_checked_leads_nowhere_else(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialed: list[str] = []

    async def dial(self: object, host: str, *_: object) -> None:  # noqa: ARG001
        dialed.append(host)
        raise httpcore2.ConnectError("nothing there")

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", dial)
    names = Names(PUBLIC, "127.0.0.1")
    url = f"https://example.com:{receiver.port}/"
    assert problem(url, names, allow_loopback=False) == "no connection"
    assert (names.asked, dialed) == (["example.com"], [PUBLIC]), "asked once, and dialed what was checked"

    assert problem(url, names, allow_loopback=False).startswith("the host has an address")
    assert (len(names.asked), dialed) == (2, [PUBLIC]), "asked again, and not dialed"
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::ffff:169.254.169.254]/",
        "https://user:word@example.com/",
        "https://2130706433/",
    ],
)
def test_an_address_that_may_not_be_is_not_even_resolved(url: str) -> None:
    names = Names(PUBLIC)
    assert problem(url, names, allow_loopback=False).startswith("the address must ")
    assert names.asked == []


def test_loopback_is_refused_where_it_is_not_allowed(receiver: Receiver) -> None:
    assert problem(receiver.url, allow_loopback=False) == "the address must begin with https://"
    assert receiver.connections == 0


def test_the_next_address_of_a_name_is_tried(receiver: Receiver) -> None:
    names = Names(["::1", "127.0.0.2", "127.0.0.1"])
    assert post(receiver.url.replace("127.0.0.1", "localhost"), names) == ReceiverAnswer(200)


def test_the_systems_own_resolver_is_asked(receiver: Receiver) -> None:
    assert post(receiver.url.replace("127.0.0.1", "localhost")) == ReceiverAnswer(200)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (socket.gaierror(-2, "unknown"), "its name could not be resolved"),
        (UnicodeError("label too long"), "its name could not be resolved"),
        ([], "no connection"),
    ],
)
def test_a_name_without_an_address(answer: Exception | list[str], text: str) -> None:
    assert problem("https://example.com/", Names(answer)) == text


def test_nobody_listens(receiver: Receiver) -> None:
    closed = receiver.url
    receiver.script = [hang_up]
    with receiving() as other:
        closed = other.url
    assert problem(closed) == "no connection"


@pytest.mark.parametrize("behaviour", [reset, hang_up])
def test_a_connection_that_breaks(receiver: Receiver, behaviour: object) -> None:
    receiver.script = [behaviour]  # type: ignore[list-item]
    assert problem(receiver.url) == "the connection broke before there was an answer"


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.9\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00\xff" * 50]
)
def test_what_is_no_http_is_no_answer(receiver: Receiver, answer: bytes) -> None:
    receiver.script = [trickle(answer, b"", 5)]
    assert problem(receiver.url) == "the connection broke before there was an answer"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
    ids=["silence", "slow headers", "hints for ever"],
)
def test_a_receiver_that_takes_its_time_is_left(receiver: Receiver, first: bytes, then: bytes) -> None:
    receiver.script = [trickle(first, then, 0.1)]
    assert problem(receiver.url, seconds=0.3) == "no answer within 0.3 s"


def test_headers_without_end_are_not_read_to_it(receiver: Receiver) -> None:
    receiver.script = [trickle(b"HTTP/1.1 200 OK\r\n", b"X-Long: " + b"x" * 20_000 + b"\r\n", 0)]
    assert problem(receiver.url) == "the connection broke before there was an answer"


@pytest.mark.parametrize(("chunk", "seconds"), [(b"x" * 16_384, 0), (b"x", 0.02)], ids=["endless", "slow"])
def test_an_endless_body_does_not_undo_the_status(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, chunk: bytes, seconds: float
) -> None:
    monkeypatch.setattr(client, "DRAIN_SECONDS", 0.1)
    receiver.script = [trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", chunk, seconds)]
    assert post(receiver.url) == ReceiverAnswer(200)


def test_a_header_that_could_smuggle_another_is_not_sent(receiver: Receiver) -> None:
    with pytest.raises(NotAnswered, match="header that cannot be sent"):
        post(receiver.url, headers=[("X-A2A-Notification-Token", "a\r\nX-Other: b")])
    assert receiver.requests == []


def test_tls_verifies_the_name_and_not_the_address(authority: Authority) -> None:
    names = Names("127.0.0.1")
    with receiving(tls=authority.server_of("hooks.example.com")) as receiver:
        url = f"https://hooks.example.com:{receiver.port}/hook"
        assert post(url, names, tls=authority.trust) == ReceiverAnswer(200)
        assert receiver.requests[0].headers["host"] == f"hooks.example.com:{receiver.port}"

        other = f"https://other.example.com:{receiver.port}/hook"
        with pytest.raises(NotAnswered, match=r"its certificate is refused: Hostname mismatch"):
            post(other, names, tls=authority.trust)
        with pytest.raises(NotAnswered, match=r"its certificate is refused: (self-signed|unable to get)"):
            post(url, names)
        assert len(receiver.requests) == 1


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    with (
        receiving(tls=authority.server_of("hooks.example.com", days=-1)) as receiver,
        pytest.raises(NotAnswered, match="its certificate is refused: certificate has expired"),
    ):
        post(
            f"https://hooks.example.com:{receiver.port}/", Names("127.0.0.1"), tls=authority.trust, seconds=5
        )


def test_nothing_is_sent_to_what_speaks_no_tls(receiver: Receiver) -> None:
    assert problem(receiver.url.replace("http://", "https://"), seconds=0.3)
    assert receiver.requests == []


def test_no_problem_tells_the_address(receiver: Receiver) -> None:
    receiver.script = [reset]
    secret = "xoxb-secret-in-the-path"
    assert secret not in problem(f"{receiver.url}/{secret}?key={secret}")
