"""Message Batches with the real SDK: against the stand-in, and against exact answers where it has none."""

import asyncio
import json
import socket
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from a2a_tasks.adapters.claude.backends import Client, client_for
from a2a_tasks.adapters.claude.batches import ClaudeBatches, body_of
from a2a_tasks.adapters.claude.connection import ClaudeConnection
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.ports.batches import (
    CreationUnknown,
    NotAccepted,
    RemoteStatus,
    RequestResult,
    UnprocessedReason,
)
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply
from local.standin.client import StandInClient
from tests.integration.claude.claude_model import Secrets, asked
from tests.integration.claude.scripted_claude import Answer, ScriptedClaude, error, running_script

WRONG = "sk-ant-wrong"
MINUTE_MS = 60_000


@pytest.fixture
def script() -> Iterator[ScriptedClaude]:
    with running_script() as running:
        yield running


def run[T](
    work: Callable[[ClaudeBatches], Awaitable[T]],
    base_url: str,
    *,
    backend: Backend = Backend.CLAUDE_API,
    secrets: Secrets | None = None,
) -> T:
    """Do the work with batches of that backend, in a loop of its own."""
    stored = secrets or Secrets()
    clients: list[Client] = []

    def connect(key: str | None) -> Client:
        client = client_for(
            backend,
            key,
            base_url=base_url,
            region="eu-central-1",
            workspace_id="wrkspc_1",
            read_timeout_seconds=5.0,
        )
        clients.append(client)
        return client

    async def main() -> T:
        connection = ClaudeConnection(backend, connect, stored.api_key, stored.token)
        try:
            return await work(ClaudeBatches(connection, SystemClock()))
        finally:
            for client in clients:
                await client.close()

    return asyncio.run(main())


async def created(batches: ClaudeBatches, *texts: str) -> str:
    """A batch of these messages, whose custom ids are their numbers."""
    return await batches.create(
        [batches.encode(f"{number}", asked(text)) for number, text in enumerate(texts)]
    )


async def results_of(batches: ClaudeBatches, api_id: str) -> dict[str, RequestResult]:
    async with aclosing(batches.results(api_id)) as results:
        return {result.task_id: result async for result in results}


def outcomes(claude: StandInClient, *texts: str) -> list[object]:
    """What becomes of a batch of these messages, in their order."""

    async def work(batches: ClaudeBatches) -> dict[str, RequestResult]:
        api_id = await created(batches, *texts)
        claude.release_batches()
        return await results_of(batches, api_id)

    claude.hold_batches()
    found = run(work, claude.base_url)
    return [found[f"{number}"].outcome for number in range(len(texts))]


# -- creating


def test_a_request_is_what_a_turn_sends_but_for_caching(claude: StandInClient) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    request = asked("Grüße 你好", output_schema=schema, effort="low")

    encoded = json.loads(run(lambda batches: _now(batches.encode("task-1", request)), claude.base_url))

    assert encoded == {
        "custom_id": "task-1",
        "params": {
            "model": "claude-sonnet-5-5",
            "max_tokens": 1_000,
            "messages": request.messages,
            "system": "Be brief.",
            "output_config": {"format": {"type": "json_schema", "schema": schema}, "effort": "low"},
        },
    }


async def _now[T](value: T) -> T:
    return value


@pytest.mark.parametrize("backend", [Backend.CLAUDE_API, Backend.CLAUDE_ON_AWS])
def test_a_batch_is_created_followed_and_read(claude: StandInClient, backend: Backend) -> None:
    async def work(batches: ClaudeBatches) -> None:
        api_id = await created(batches, "[[standin: say=one]]", "[[standin: say=two]]")
        going = await batches.get(api_id)
        claude.release_batches()
        ended = await batches.get(api_id)
        assert going is not None
        assert ended is not None
        assert (going.status, going.count) == (RemoteStatus.IN_PROGRESS, 2)
        assert (ended.status, ended.count) == (RemoteStatus.ENDED, 2)
        found = await results_of(batches, api_id)
        assert {key: _text(result) for key, result in found.items()} == {"0": "one", "1": "two"}

    claude.hold_batches()
    run(work, claude.base_url, backend=backend)


def _text(result: RequestResult) -> str:
    assert isinstance(result.outcome, ModelReply)
    return result.outcome.text


def test_creating_makes_one_call_and_empties_the_list(script: ScriptedClaude) -> None:
    script.will(error(500, "down"))
    requests: list[bytes] = []

    async def work(batches: ClaudeBatches) -> None:
        requests.append(batches.encode("0", asked("one")))
        await batches.create(requests)

    with pytest.raises(CreationUnknown):
        run(work, script.url)

    assert [path for path, _, _ in script.requests] == ["/v1/messages/batches"]
    headers = script.requests[0][1]
    assert headers["content-type"] == "application/json"
    assert requests == []


def test_a_creation_whose_answer_is_lost_is_unknown(claude: StandInClient) -> None:
    claude.lose_next_batch_answer()

    with pytest.raises(CreationUnknown, match="lost"):
        run(lambda batches: created(batches, "one"), claude.base_url)

    assert len(claude.batches()) == 1


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504])
def test_a_failure_that_may_have_come_too_late_is_unknown(script: ScriptedClaude, status: int) -> None:
    script.will(error(status, "oh"))

    with pytest.raises(CreationUnknown):
        run(lambda batches: created(batches, "one"), script.url)


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{}", b"[]", b"{"])
def test_an_answer_that_names_no_batch_is_unknown(script: ScriptedClaude, body: bytes) -> None:
    script.will(Answer(body, headers={"content-type": "application/json"}))

    with pytest.raises(CreationUnknown):
        run(lambda batches: created(batches, "one"), script.url)


@pytest.mark.parametrize("status", [429, 529])
def test_a_batch_that_is_not_accepted_now_says_when(script: ScriptedClaude, status: int) -> None:
    script.will(error(status, "later", **{"retry-after": "7"}))

    with pytest.raises(NotAccepted) as caught:
        run(lambda batches: created(batches, "one"), script.url)

    assert (caught.value.retry_after, caught.value.needs_operator) == (7.0, False)


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_batch_that_is_not_accepted_until_an_operator_acts_says_so(
    script: ScriptedClaude, status: int
) -> None:
    script.will(error(status, "because"), error(status, "because"))

    with pytest.raises(NotAccepted, match="because") as caught:
        run(lambda batches: created(batches, "one"), script.url)

    assert caught.value.needs_operator


@pytest.mark.parametrize("code", ["enforced_spend_limit_reached", "contract_spend_limit_reached"])
def test_a_limit_that_waiting_does_not_lift_is_an_operators(script: ScriptedClaude, code: str) -> None:
    details = {"type": "rate_limit_error", "message": "spent", "details": {"error_code": code}}
    body = json.dumps({"type": "error", "error": details}).encode()
    script.will(Answer(body, 429, {"content-type": "application/json"}))

    with pytest.raises(NotAccepted, match="spent") as caught:
        run(lambda batches: created(batches, "one"), script.url)

    assert caught.value.needs_operator


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_batch_that_is_refused_says_why(script: ScriptedClaude, status: int) -> None:
    script.will(error(status, "because"))

    with pytest.raises(ModelRejected, match="because") as caught:
        run(lambda batches: created(batches, "one"), script.url)

    assert caught.value.code is FailureCode.EXECUTION_ERROR


def test_a_creation_that_was_not_sent_has_made_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # and never listens
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(NotAccepted, match="lost") as caught:
            run(lambda batches: created(batches, "one"), url)

    assert not caught.value.needs_operator


def test_a_rotated_key_is_read_anew(claude: StandInClient) -> None:
    secrets = Secrets(cached={"key": WRONG})

    run(lambda batches: created(batches, "one"), claude.base_url, secrets=secrets)

    assert secrets.reads == [("key", False), ("key", True)]
    assert len(claude.batches()) == 1


def test_a_key_that_stays_wrong_is_refused(claude: StandInClient) -> None:
    with pytest.raises(NotAccepted) as caught:
        run(lambda batches: created(batches, "one"), claude.base_url, secrets=Secrets(key=WRONG))

    assert caught.value.needs_operator


def test_a_missing_key_is_refused(claude: StandInClient) -> None:
    with pytest.raises(NotAccepted, match="No Claude API key"):
        run(lambda batches: created(batches, "one"), claude.base_url, secrets=Secrets(key=""))


def test_a_body_is_made_without_holding_its_requests_twice() -> None:
    size, count = 64_000, 100
    tracemalloc.start()
    try:
        requests = [b"x" * size for _ in range(count)]
        body = body_of(requests)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(body) > size * count
    assert peak < 1.5 * size * count


def test_a_body_holds_all_requests_in_order() -> None:
    requests = [b'{"custom_id":"a"}', b'{"custom_id":"b"}']

    assert json.loads(body_of(requests)) == {"requests": [{"custom_id": "a"}, {"custom_id": "b"}]}


# -- what became of the requests


def test_a_reply_is_as_that_of_a_turn(claude: StandInClient) -> None:
    (reply,) = outcomes(claude, "[[standin: say=hello]]")

    assert isinstance(reply, ModelReply)
    assert (reply.text, reply.stop_reason, reply.usage.turns) == ("hello", "end_turn", 1)
    (call,) = reply.usage.calls
    assert call.input_tokens == call.prompt_tokens > 0  # nothing of it cached
    assert call.output_tokens > 0


def test_a_refusal_keeps_its_category(claude: StandInClient) -> None:
    (reply,) = outcomes(claude, "[[standin: stop=refusal]]")

    assert isinstance(reply, ModelReply)
    assert reply.stop_reason == "refusal"


def test_errors_mean_the_same_as_those_of_a_call(claude: StandInClient) -> None:
    busy, bad, missing = outcomes(
        claude, "[[standin: err=529]]", "[[standin: err=400]]", "[[standin: err=404]]"
    )

    assert isinstance(busy, ModelBusy)
    assert (busy.throttled, busy.overloaded) == (True, True)
    assert isinstance(bad, ModelRejected)
    assert isinstance(missing, ModelRejected)
    assert bad.code is FailureCode.EXECUTION_ERROR
    assert missing.code is FailureCode.AGENT_MISCONFIGURED


def test_an_expired_request_was_not_done(claude: StandInClient) -> None:
    assert outcomes(claude, "[[standin: expire]]") == [UnprocessedReason.EXPIRED]


def test_a_canceled_batch_was_not_done(claude: StandInClient) -> None:
    async def work(batches: ClaudeBatches) -> list[object]:
        api_id = await created(batches, "one", "two")
        await batches.cancel(api_id)
        canceling = await batches.get(api_id)
        assert canceling is not None
        assert canceling.status is RemoteStatus.CANCELING
        claude.release_batches()
        return [result.outcome for result in (await results_of(batches, api_id)).values()]

    claude.hold_batches()
    assert run(work, claude.base_url) == [UnprocessedReason.CANCELED] * 2


def test_a_batch_that_is_gone_is_none(claude: StandInClient) -> None:
    assert run(lambda batches: batches.get("msgbatch_gone"), claude.base_url) is None


def test_results_of_a_batch_that_has_not_ended_cannot_be_read(claude: StandInClient) -> None:
    async def work(batches: ClaudeBatches) -> dict[str, RequestResult]:
        return await results_of(batches, await created(batches, "one"))

    claude.hold_batches()
    with pytest.raises(ModelBusy, match="cannot be read"):
        run(work, claude.base_url)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b'{"custom_id":"0","result":{"type":"succeeded","message":{}}}\n', "cannot be read"),
        (
            b'{"custom_id":"0","result":{"type":"errored","error":{"type":"error","error":'
            b'{"type":"new_error","message":"what sk-ant-0123456789"}}}}\n',
            "what [key]",
        ),
        (b'{"custom_id":"0","result":{"type":"postponed"}}\n', "'postponed' is not known"),
        (
            b'{"custom_id":"0","result":{"type":"succeeded","message":{"content":[{"type":"new","x":'
            + b"[" * 40
            + b"]" * 40
            + b"}]}}}\n",
            "answer is nested more than 32 levels deep",
        ),
    ],
)
def test_a_result_unlike_any_other_is_an_error_of_its_own(lines: bytes, expected: str) -> None:
    (result,) = read(lines).values()

    assert expected in str(result.outcome)


def test_an_answer_beyond_the_limits_is_billed() -> None:
    content = b'[{"type":"new","x":' + b"[" * 40 + b"]" * 40 + b"}]"
    usage = b'{"input_tokens":7,"output_tokens":5}'
    message = b'{"content":' + content + b',"usage":' + usage + b"}"
    (result,) = read(b'{"custom_id":"0","result":{"type":"succeeded","message":' + message + b"}}\n").values()

    assert isinstance(result.outcome, ModelRejected)
    assert [(call.prompt_tokens, call.output_tokens) for call in result.outcome.used.calls] == [(7, 5)]


@pytest.mark.parametrize("body", [b'{"custom_id":"0","res', b"not json\n"])
def test_results_that_are_no_json_cannot_be_read(body: bytes) -> None:
    with pytest.raises(ModelBusy, match="cannot be read"):
        read(body)


def test_results_that_are_cut_off_in_mid_stream_are_lost() -> None:
    line = b'{"custom_id":"0","result":{"type":"expired"}}\n'

    with pytest.raises(ModelBusy, match="connection"):
        read(line, length=1_000)


def read(lines: bytes, length: int | None = None) -> dict[str, RequestResult]:
    """Results that are exactly these bytes; ``length`` is what their header says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("/results"):
                self._answer(lines, length or len(lines))
                return
            url = f"http://{self.headers['host']}/v1/messages/batches/b/results"
            batch = {
                "id": "b",
                "type": "message_batch",
                "processing_status": "ended",
                "request_counts": {},
                "created_at": "2026-01-01T00:00:00Z",
                "expires_at": "2026-01-02T00:00:00Z",
                "results_url": url,
            }
            text = json.dumps(batch).encode()
            self._answer(text, len(text))

        def _answer(self, body: bytes, size: int) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(size))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        return run(lambda batches: results_of(batches, "b"), f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()


# -- finding


def test_batches_are_listed_by_the_time_of_their_creation(
    claude: StandInClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a2a_tasks.adapters.claude.batches.PAGE", 2)
    clock = SystemClock()

    async def work(batches: ClaudeBatches) -> None:
        before = clock.now()
        ids = [await created(batches, *["one"] * (number + 1)) for number in range(5)]
        listed = await batches.created_between(before - MINUTE_MS, clock.now() + MINUTE_MS)
        assert [found.api_id for found in listed] == ids[::-1]
        assert [found.count for found in listed] == [5, 4, 3, 2, 1]
        assert await batches.created_between(clock.now() + MINUTE_MS, clock.now() + 2 * MINUTE_MS) == []
        assert await batches.created_between(before - 2 * MINUTE_MS, before - MINUTE_MS) == []
        third = listed[2].created_at
        assert ids[2] in [found.api_id for found in await batches.created_between(third, third)]

    run(work, claude.base_url)


@pytest.mark.parametrize(
    "call",
    [
        lambda batches: batches.get("b"),
        lambda batches: batches.created_between(0, 1),
        lambda batches: batches.cancel("b"),
        lambda batches: results_of(batches, "b"),
    ],
)
def test_an_api_that_is_not_there_is_busy(call: Callable[[ClaudeBatches], Awaitable[object]]) -> None:
    with pytest.raises(ModelBusy):
        run(call, "http://127.0.0.1:9")
