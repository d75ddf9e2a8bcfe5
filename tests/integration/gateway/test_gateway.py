"""The local stack's gateway, as its clients see it, with a function's real process."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPConnection

import httpx
import pytest

from local.deployed import wait_until
from tests.integration.gateway.conftest import Running


def pid(answer: httpx.Response) -> int:
    found: int = json.loads(answer.text.splitlines()[0])["pid"]
    return found


def test_what_does_not_stream_is_passed_on_as_it_is(running: Running) -> None:
    running.emulator.answer = (418, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], b"\x00\xff")
    port = int(running.url.rpartition(":")[2])
    client = HTTPConnection("127.0.0.1", port, timeout=30)
    client.putrequest("PATCH", "/local/a%2Fb?x=1&x=%C3%A4", skip_accept_encoding=True)
    for value in ("one", "two"):
        client.putheader("X-Twice", value)
    client.putheader("Content-Length", "2")
    client.endheaders(b"\xfe\x00")
    answer = client.getresponse()

    assert (answer.status, answer.read()) == (418, b"\x00\xff")
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    ((method, path, headers, body),) = running.emulator.requests
    assert (method, path, body) == ("PATCH", "/api/local/a%2Fb?x=1&x=%C3%A4", b"\xfe\x00")
    assert [value for name, value in headers if name == "X-Twice"] == ["one", "two"]
    assert ("Host", f"127.0.0.1:{port}") in headers
    assert ("x-forwarded-proto", "http") in headers
    client.close()


def test_an_answer_without_a_body_has_none(running: Running) -> None:
    running.emulator.answer = (204, [], b"")

    with httpx.Client(trust_env=False) as client:
        assert client.delete(f"{running.url}/local/x").status_code == 204
        assert client.head(f"{running.url}/local/x").status_code == 204  # on the same connection


def test_a_piece_arrives_before_the_next_one_is_made(running: Running) -> None:
    with running.stream("wait") as answer:
        pieces = answer.iter_bytes()
        first = json.loads(next(pieces))
        (running.folder / "gate").write_bytes(b"go on")
        rest = b"".join(pieces)

    assert (answer.status_code, answer.headers["X-One"], rest) == (200, "1", b"\nthe end")
    assert "Content-Length" not in answer.headers
    assert (first["asked"], first["key"]) == ("wait", "ASIAROLE")


def test_each_process_does_one_at_a_time_and_is_used_again(running: Running) -> None:
    with running.stream("wait") as one:
        first = next(one.iter_bytes())
        others = [pid(running.post("other")) for _ in range(2)]
        (running.folder / "gate").write_bytes(b"go on")

    assert others[0] == others[1] != json.loads(first)["pid"]


def test_where_all_processes_are_busy_it_says_so(running: Running) -> None:
    running.gateway.pool.limit, running.gateway.pool.wait_seconds = 1, 0.0
    with running.stream("wait") as one:
        next(one.iter_bytes())
        refused = running.post("other")
        (running.folder / "gate").write_bytes(b"go on")

    assert (refused.status_code, refused.json()) == (500, {"code": "INTERNAL"})


def test_another_deployment_takes_another_process(running: Running) -> None:
    first = pid(running.post("one"))
    running.deploy(revision="2")

    assert pid(running.post("two")) != first


def test_a_function_that_dies_is_a_bad_gateway_and_replaced(running: Running) -> None:
    died = running.post("die at once")

    assert (died.status_code, died.json()) == (502, {"code": "INTERNAL"})
    assert running.post("again").status_code == 200
    wait_until(lambda: "the process ended with status 7" in running.logged(), 30, "the end logged")


@pytest.mark.parametrize("how", ["die", "raise"])
def test_a_stream_that_breaks_off_is_cut(running: Running, how: str) -> None:
    with (
        pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"),
        running.stream(how) as answer,
    ):
        answer.read()

    assert running.post("again").status_code == 200


def test_a_function_whose_time_is_up_is_killed(running: Running) -> None:
    running.deploy(timeout_seconds=1)

    answer = running.post("hang")

    assert (answer.status_code, answer.json()) == (502, {"code": "INTERNAL"})
    wait_until(lambda: "Task timed out after 1.00 seconds" in running.logged(), 30, "the time-out logged")


def test_a_function_goes_on_when_its_client_has_left(running: Running) -> None:
    with running.stream("wait, told") as answer:
        next(answer.iter_bytes())
    (running.folder / "gate").write_bytes(b"go on")

    wait_until((running.folder / "told").exists, 30, "the function's end")


def test_what_functions_print_is_in_their_log(running: Running) -> None:
    running.post("something")

    wait_until(lambda: "asked something" in running.logged(), 30, "the line")


def test_a_body_over_ten_megabytes_is_refused_in_the_templates_words(running: Running) -> None:
    answer = httpx.post(f"{running.url}/local/stream", content=bytes(10 * 1024 * 1024 + 1), trust_env=False)

    assert (answer.status_code, answer.json()) == (413, {"code": "PAYLOAD_TOO_LARGE"})
    assert answer.headers["X-Why"] == "size"
    assert running.emulator.requests == []


def test_a_body_in_chunks_is_read(running: Running) -> None:
    answer = httpx.post(f"{running.url}/local/stream", content=iter([b"a", b"b"]), trust_env=False)

    assert json.loads(answer.text.splitlines()[0])["asked"] == "ab"


def test_an_emulator_that_has_gone_is_a_gateways_time_out(running: Running) -> None:
    running.gateway.settings = replace(running.gateway.settings, api_url="http://127.0.0.1:1")

    assert running.post("x").status_code == 504


def test_many_at_once_are_all_answered(running: Running) -> None:
    running.gateway.pool.limit = 3
    with ThreadPoolExecutor(12) as callers:
        answers = list(callers.map(lambda _: running.post("at once"), range(24)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({pid(answer) for answer in answers}) <= 3
