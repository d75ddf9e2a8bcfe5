"""The stand-in for the Claude Messages API, as the real SDK sees it."""

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import Message, MessageParam, ToolUseBlock

from local.standin.calls import Call
from local.standin.client import StandInClient
from local.standin.directive import Break, DirectiveError, Say, UseTool, find_steps, without_directive
from local.standin.reply import filler
from local.standin.running import running_standin

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
MODEL = "claude-opus-5-5"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def shared_standin() -> Iterator[StandInClient]:
    with running_standin() as standin:
        yield standin


@pytest.fixture
def standin(shared_standin: StandInClient) -> StandInClient:
    shared_standin.reset()
    return shared_standin


@pytest.fixture
async def claude(standin: StandInClient) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=standin.base_url, api_key="sk-ant-test", max_retries=0) as client:
        yield client


def user(content: Any) -> MessageParam:
    return {"role": "user", "content": content}


def assistant(content: Any) -> MessageParam:
    return {"role": "assistant", "content": content}


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def stream(claude: AsyncAnthropic, *messages: MessageParam, **parameters: Any) -> Message:
    options: dict[str, Any] = {"model": MODEL, "max_tokens": 1_000} | parameters
    async with claude.messages.stream(messages=messages, **options) as events:
        return await events.get_final_message()


async def post(standin: StandInClient, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    headers = {"x-api-key": "sk-ant-test"}
    async with httpx2.AsyncClient(base_url=standin.base_url, headers=headers) as client:
        answer = await client.post("/v1/messages?beta=true", json=body)
        return answer.status_code, answer.json()


async def ended_call(standin: StandInClient) -> Call:
    """The last call, once the stand-in has noticed that its client is gone."""
    for _ in range(500):
        if (call := standin.calls()[-1]).outcome != "open":
            return call
        await asyncio.sleep(0.01)
    raise AssertionError("the stand-in still waits for a client that has left")


# What a reply looks like


async def test_a_streamed_reply_comes_in_the_events_of_the_real_api(standin: StandInClient) -> None:
    # GIVEN the bytes themselves, which the SDK would hide
    body = {"model": MODEL, "max_tokens": 9, "stream": True, "messages": [user("[[standin: say=Hello you]]")]}
    async with httpx2.AsyncClient(headers={"authorization": "Bearer sk-ant-test"}) as client:
        answer = await client.post(f"{standin.base_url}/v1/messages", json=body)

    frames = [frame.split("\n") for frame in answer.text.removesuffix("\n\n").split("\n\n")]
    names = [event.removeprefix("event: ") for event, _ in frames]
    bodies = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["request-id"].startswith("req_")
    assert names == [body["type"] for body in bodies]
    assert names == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert bodies[0]["message"]["content"] == []
    assert bodies[0]["message"]["usage"]["cache_read_input_tokens"] == 0
    assert bodies[-2]["delta"]["stop_reason"] == "end_turn"
    assert bodies[-2]["usage"]["output_tokens"] == 2


async def test_the_sdk_streams_text(claude: AsyncAnthropic) -> None:
    message = await stream(claude, user("[[standin: say=All good]]"))

    assert text_of(message) == "All good"
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 1
    assert message.usage.output_tokens == 2


async def test_a_reply_that_is_not_streamed_has_the_same_content(claude: AsyncAnthropic) -> None:
    message = await claude.messages.create(
        model=MODEL, max_tokens=100, messages=[user("[[standin: think=Hm; say=All good; stop=max_tokens]]")]
    )

    assert [block.type for block in message.content] == ["thinking", "text"]
    assert text_of(message) == "All good"
    assert message.stop_reason == "max_tokens"
    assert message._request_id is not None


async def test_thinking_comes_first_with_a_signature_that_is_bound_to_its_prefix(
    claude: AsyncAnthropic,
) -> None:
    question = user("[[standin: think=Let me see; tool=Read:{} | say=Done]]")
    first = await stream(claude, question, system="Be brief.")
    thinking, tool_use = first.content
    assert thinking.type == "thinking"
    assert thinking.thinking == "Let me see"
    assert isinstance(tool_use, ToolUseBlock)
    answer = user([{"type": "tool_result", "tool_use_id": tool_use.id, "content": "text"}])
    replayed = assistant(first.to_dict(mode="json")["content"])

    second = await stream(claude, question, replayed, answer, system="Be brief.")
    assert text_of(second) == "Done"
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        await stream(claude, question, replayed, answer, system="Be brief!")


async def test_tools_are_called_and_their_results_demanded(claude: AsyncAnthropic) -> None:
    question = user('[[standin: say=Looking; tool=Read:{"path": "a;b|c]]"}; tool=Glob | say=Found it]]')
    first = await stream(claude, question)
    calls = [block for block in first.content if isinstance(block, ToolUseBlock)]
    assert first.stop_reason == "tool_use"
    assert [(call.name, call.input) for call in calls] == [("Read", {"path": "a;b|c]]"}), ("Glob", {})]

    replayed = assistant(first.to_dict(mode="json")["content"])
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "ok"} for call in calls]
    with pytest.raises(anthropic.BadRequestError, match=f"without `tool_result`.*{calls[1].id}"):
        await stream(claude, question, replayed, user(results[:1]))
    with pytest.raises(anthropic.BadRequestError, match="without `tool_result`"):
        await stream(claude, question, replayed, user([{"type": "text", "text": "Here:"}, *results]))
    with pytest.raises(anthropic.BadRequestError, match="unexpected `tool_use_id`"):
        await stream(claude, question, replayed, user([results[0] | {"tool_use_id": "toolu_other"}]))

    # THEN none of the refused calls used up a step
    second = await stream(claude, question, replayed, user(results))
    assert text_of(second) == "Found it"
    assert second.stop_reason == "end_turn"


@pytest.mark.parametrize(
    "reason", ["max_tokens", "refusal", "pause_turn", "model_context_window_exceeded", "never_heard_of"]
)
async def test_any_stop_reason_can_be_asked_for(claude: AsyncAnthropic, reason: str) -> None:
    message = await stream(claude, user(f"[[standin: say=So far; stop={reason}]]"))

    assert message.stop_reason == reason
    assert (message.stop_details is not None) == (reason == "refusal")


async def test_only_a_paused_turn_may_be_continued_from_its_own_reply(claude: AsyncAnthropic) -> None:
    question = user("[[standin: say=Half; stop=pause_turn | say=whole]]")
    reply = assistant("Half")
    with pytest.raises(anthropic.BadRequestError, match="prefill"):
        await stream(claude, question, reply)

    await stream(claude, question)
    assert text_of(await stream(claude, question, reply)) == "whole"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Write a test report", ["stand-in", "not Claude", "Write a test report", "19 characters"]),
        ("生成一个测试报告", ["替身", "不是 Claude", "生成一个测试报告", "8 个字符"]),
    ],
)
async def test_without_a_directive_it_reports_in_the_language_of_the_prompt(
    claude: AsyncAnthropic, prompt: str, expected: list[str]
) -> None:
    started = time.monotonic()
    async with claude.messages.stream(model=MODEL, max_tokens=9, messages=[user(prompt)]) as events:
        deltas = [delta async for delta in events.text_stream]

    assert 1.5 < time.monotonic() - started < 4
    assert len(deltas) > 10
    text = "".join(deltas)
    assert text.startswith("# ")
    assert [part for part in expected if part not in text] == []


async def test_echo_shows_what_reached_the_model(claude: AsyncAnthropic) -> None:
    long = "长" * 100_000
    message = await stream(claude, user(f"[[standin: echo]] {long} end"), system="You are careful.")

    assert text_of(message) == f"[system]\nYou are careful.\n\n[user]\n[[standin: echo]] {long} end"


async def test_a_reply_of_two_million_characters(claude: AsyncAnthropic) -> None:
    message = await stream(claude, user("[[standin: size=2000000]]"))

    assert text_of(message) == filler(2_000_000)
    assert message.usage.output_tokens == 500_000


# What goes wrong


@pytest.mark.parametrize(
    ("status", "error_class", "error_type"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.PaymentRequiredError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.ContentTooLargeError, "request_too_large"),
        (422, anthropic.UnprocessableEntityError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (503, anthropic.ServiceUnavailableError, "api_error"),
        (504, anthropic.GatewayTimeoutError, "timeout_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
async def test_errors_arrive_as_the_sdks_classes(
    claude: AsyncAnthropic, standin: StandInClient, status: int, error_class: type[Exception], error_type: str
) -> None:
    prompt = user(f"[[standin: err={status}; retry_after=7 | say=Better now]]")
    with pytest.raises(anthropic.APIStatusError) as caught:
        await stream(claude, prompt)

    assert isinstance(caught.value, error_class)
    assert caught.value.type == error_type
    assert caught.value.request_id == standin.calls()[0].request_id
    assert caught.value.response.headers["retry-after"] == "7"
    # AND the second call of the conversation gets the second step
    assert text_of(await stream(claude, prompt)) == "Better now"
    assert [call.outcome for call in standin.calls()] == [f"error {status}", "completed"]


async def test_an_error_can_have_a_type_and_a_code_of_its_own(claude: AsyncAnthropic) -> None:
    code = "enforced_spend_limit_reached"
    with pytest.raises(anthropic.RateLimitError) as caught:
        await stream(claude, user(f"[[standin: err=429; type=billing_error; error_code={code}]]"))

    assert (caught.value.type, caught.value.error_code) == ("billing_error", code)
    assert "retry-after" not in caught.value.response.headers


async def test_an_error_in_mid_stream_comes_with_status_200(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    prompt = user("[[standin: say=This will break; sse_err=overloaded_error]]")
    with pytest.raises(anthropic.APIStatusError) as caught:
        async with claude.messages.stream(model=MODEL, max_tokens=9, messages=[prompt]) as events:
            await events.until_done()

    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")
    assert standin.calls()[0].outcome == "error overloaded_error"
    partial = text_of(events.current_message_snapshot)
    assert partial
    assert "This will break".startswith(partial)


async def test_a_clean_end_in_mid_stream_leaves_no_stop_reason(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    message = await stream(claude, user("[[standin: say=This will break; eof]]"))

    assert message.stop_reason is None
    assert 0 < len(text_of(message)) < len("This will break")
    assert standin.calls()[0].outcome == "cut"


async def test_a_reset_in_mid_stream_is_a_transport_error(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    with pytest.raises(httpx2.TransportError):
        await stream(claude, user("[[standin: say=This will break; drop]]"))

    assert standin.calls()[0].outcome == "cut"


@pytest.mark.parametrize("step", ["hang", "silent", "wait=60", "delay=60"])
async def test_silence_ends_with_the_clients_patience(
    claude: AsyncAnthropic, standin: StandInClient, step: str
) -> None:
    patience = httpx2.Timeout(0.3, connect=5)
    with pytest.raises((httpx2.ReadTimeout, anthropic.APITimeoutError)):
        await stream(claude, user(f"[[standin: say=Wait for it; {step}]]"), timeout=patience)

    call = await ended_call(standin)
    assert call.outcome == "client_left"
    assert (call.first_byte_at is None) == (step in {"silent", "wait=60"})
    assert standin.concurrency().open == 0


async def test_pings_outlive_a_read_timeout_but_not_a_deadline(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.6):
            await stream(claude, user("[[standin: ping]]"), timeout=httpx2.Timeout(0.9))

    assert (await ended_call(standin)).outcome == "client_left"


@pytest.mark.parametrize(
    ("step", "error_class"),
    [
        ("drop", anthropic.APIConnectionError),
        ("sse_err=overloaded_error", anthropic.OverloadedError),
        ("hang", anthropic.APITimeoutError),
    ],
)
async def test_a_whole_reply_breaks_too(
    claude: AsyncAnthropic, step: str, error_class: type[Exception]
) -> None:
    prompt = user(f"[[standin: {step}]]")
    with pytest.raises(error_class):
        await claude.messages.create(model=MODEL, max_tokens=9, messages=[prompt], timeout=0.3)


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"model": None}, 400, "model: Field required"),
        ({"model": ""}, 400, "model: String should have at least 1 character"),
        ({"model": "gpt-4"}, 404, "model: gpt-4"),
        ({"max_tokens": None}, 400, "max_tokens: Field required"),
        ({"max_tokens": 0}, 400, "max_tokens: must be greater than or equal to 1"),
        ({"max_tokens": 128_001}, 400, "max_tokens: 128001 > 128000"),
        ({"messages": None}, 400, "messages: Field required"),
        ({"messages": []}, 400, "messages: at least one message is required"),
        ({"messages": [user("")]}, 400, "messages.0: user messages must have non-empty content"),
        ({"messages": [user([{"type": "text", "text": ""}])]}, 400, "must be non-empty"),
        ({"messages": [user("a"), {"role": "robot", "content": "b"}]}, 400, 'Unexpected role "robot"'),
        ({"messages": [user("a"), assistant("b")]}, 400, "end with a user message"),
        ({"temperature": 0.5}, 400, "temperature: Extra inputs are not permitted"),
        ({"system": 1}, 400, "system: Input should be"),
        ({"system": [{"type": "text"}]}, 400, "system.0.text.text: Field required"),
        ({"thinking": True}, 400, "thinking: Input should be an object"),
        ({"messages": [user("[[standin: dance]]")]}, 400, "does not know the word 'dance'"),
    ],
)
async def test_requests_that_the_api_would_refuse_are_refused(
    standin: StandInClient, changes: dict[str, Any], status: int, message: str
) -> None:
    body = {"model": MODEL, "max_tokens": 9, "messages": [user("[[standin: say=ok]]")]} | changes
    answered, error = await post(standin, {name: value for name, value in body.items() if value is not None})

    assert (answered, error["type"]) == (status, "error")
    assert message in error["error"]["message"]
    assert error["request_id"] == standin.calls()[0].request_id
    assert standin.calls()[0].outcome == f"error {status}"


async def test_a_key_is_needed_and_the_wrong_one_is_refused(standin: StandInClient) -> None:
    async with httpx2.AsyncClient(base_url=standin.base_url) as client:
        without_key = await client.get("/v1/models")
    async with AsyncAnthropic(base_url=standin.base_url, api_key="sk-ant-wrong", max_retries=0) as claude:
        with pytest.raises(anthropic.AuthenticationError):
            await stream(claude, user("Hello"))

    assert without_key.status_code == 401
    assert without_key.json()["error"]["type"] == "authentication_error"


# Other routes, usage, many at a time


async def test_the_other_routes_answer_the_sdk(claude: AsyncAnthropic) -> None:
    count = await claude.messages.count_tokens(model=MODEL, messages=[user("x" * 400)])
    models = [model async for model in claude.models.list()]

    assert 100 <= count.input_tokens < 140
    assert MODEL in [model.id for model in models]
    assert (await claude.models.retrieve(MODEL)).max_tokens == 128_000
    with pytest.raises(anthropic.NotFoundError):
        await claude.models.retrieve("claude-unknown")
    reply = await claude.beta.messages.create(
        model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "[[standin: say=beta]]"}]
    )
    assert [block.text for block in reply.content if block.type == "text"] == ["beta"]


async def test_an_earlier_request_of_the_conversation_is_read_from_the_cache(claude: AsyncAnthropic) -> None:
    question = user("[[standin: say=ok]]" + "x" * 4_000)
    history = (question, assistant("ok"), user("y" * 2_000))
    marker = {"type": "ephemeral"}

    uncached = (await stream(claude, question)).usage
    first = (await stream(claude, question, cache_control=marker)).usage
    second = (await stream(claude, *history, cache_control=marker)).usage
    changed = (await stream(claude, *history, cache_control=marker, system="Other")).usage

    assert (uncached.cache_creation_input_tokens, uncached.cache_read_input_tokens) == (0, 0)
    assert first.cache_read_input_tokens == 0
    assert first.cache_creation_input_tokens == uncached.input_tokens - 1
    assert second.cache_read_input_tokens == uncached.input_tokens
    assert 500 < (second.cache_creation_input_tokens or 0) < 600
    assert changed.cache_read_input_tokens == 0


async def test_a_hundred_streams_at_the_same_time(claude: AsyncAnthropic, standin: StandInClient) -> None:
    prompts = [f"[[standin: say=Reply {number}; delay=1.5]]" for number in range(100)]
    messages = await asyncio.gather(*(stream(claude, user(prompt)) for prompt in prompts))

    assert [text_of(message) for message in messages] == [f"Reply {number}" for number in range(100)]
    concurrency = standin.concurrency()
    assert (concurrency.open, concurrency.max_open) == (0, 100)


async def test_the_log_tells_what_was_called_and_keeps_no_key(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    prompt = "[[standin: say=one | say=two]]" + "z" * 300
    before = time.time()
    for _ in range(3):
        await stream(claude, user(prompt))

    calls = standin.calls()
    assert [(call.index, call.step, call.outcome) for call in calls] == [
        (0, 1, "completed"),
        (1, 2, "completed"),
        (2, 2, "completed"),
    ]
    call = calls[0]
    assert call.first_byte_at is not None
    assert call.ended_at is not None
    assert before <= call.started_at <= call.first_byte_at <= call.ended_at <= time.time()
    assert (call.model, call.messages_count) == (MODEL, 1)
    assert call.conversation == hashlib.sha256(prompt.encode()).hexdigest()
    assert call.first_user_text == prompt[:200]
    assert [call.index for call in standin.calls(since=2)] == [2]
    assert len({call.request_sha256 for call in calls}) == 1

    request = standin.requests(0)
    assert request.body["messages"] == [{"role": "user", "content": prompt}]
    assert request.headers["authorization"] == "[redacted]"
    assert "sk-ant-test" not in json.dumps(request.headers)
    with pytest.raises(LookupError):
        standin.requests(99)
    standin.reset()
    assert standin.calls() == []


def test_it_also_runs_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "local.standin", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "not Claude" in line
            standin = StandInClient(line.split()[-1])
            standin.check_health()
            assert standin.calls() == []
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def test_a_connection_is_used_again(standin: StandInClient) -> None:
    connection = HTTPConnection(standin.base_url.removeprefix("http://"), timeout=5)
    try:
        for _ in range(3):
            connection.request("GET", "/v1/models", headers={"x-api-key": "sk-ant-test"})
            assert connection.getresponse().read()
            port = connection.sock.getsockname()[1]
            connection.request("GET", "/_standin/health")
            assert connection.getresponse().read()
            assert connection.sock.getsockname()[1] == port
    finally:
        connection.close()


# The directive


def test_a_directive_is_found_anywhere_in_the_text() -> None:
    text = 'Please [[standin: say="a; b | c ]]"; tool=Bash:{"command": "a;b"} | err=529 | hang]] thank you'
    first, second, third = find_steps(text)

    assert first.parts == (Say("a; b | c ]]"), UseTool("Bash", {"command": "a;b"}))
    assert second.failure is not None
    assert second.failure.status == 529
    assert third.breaks is Break.HANG
    assert find_steps("no directive [[here]]") == ()
    assert without_directive("Please [[standin: delay=1]] report") == "Please  report"


@pytest.mark.parametrize(
    "directive",
    [
        "say=never closed",
        "dance]]",
        "wait=long]]",
        "retry_after=3]]",
        "err=200]]",
        "tool=Read:{]]",
        "tool=]]",
    ],
)
def test_a_directive_that_makes_no_sense_is_an_error(directive: str) -> None:
    with pytest.raises(DirectiveError):
        find_steps(f"[[standin: {directive}")
