"""What the stand-in counts, remembers and tells."""

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from local.standin.client import StandInClient
from local.standin.request.prefixes import extends
from tests.integration.claude.model_calls import together
from tests.integration.standin.sdk import MODEL, assistant, ended_call, stream, text_of, tool_turn, user

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]


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
    prompts = [f"[[standin: say=Reply {number}]]" for number in range(100)]
    with together(len(prompts)):
        messages = await asyncio.gather(*(stream(claude, user(prompt)) for prompt in prompts))

    assert [text_of(message) for message in messages] == [f"Reply {number}" for number in range(100)]
    concurrency = standin.concurrency()
    assert (concurrency.open, concurrency.max_open) == (0, 100)


async def test_the_log_tells_what_was_called_and_keeps_no_key(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    prompt = "[[standin: say=one; once | say=two]]" + "z" * 300
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

    assert (call.path, call.api_version, call.authorization) == ("/v1/messages", "2026-10-21", "bearer")
    assert (call.backend, call.beta) == ("claude", None)
    assert call.usage is not None
    assert call.usage["output_tokens"] == 1

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


async def test_a_marker_selects_calls_bodies_and_concurrency(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    prompts = [f"[[standin: say=ok; delay=0.4]] {name}" for name in ("red 1", "red 2", "blue")]
    await asyncio.gather(*(stream(claude, user(prompt)) for prompt in prompts))
    await stream(claude, user(prompts[0]))

    assert [standin.concurrency(marker).max_open for marker in ("", "red", "red 1", "green")] == [3, 2, 1, 0]
    assert [body["messages"][0]["content"] for body in standin.bodies("red 1")] == [prompts[0]] * 2
    assert len(standin.calls(marker="blue")) == 1
    assert standin.concurrency("red").open == 0


async def test_how_a_call_ended_and_what_it_cost_is_told(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    await stream(claude, user("[[standin: size=4000]]"))
    await stream(claude, user("[[standin: size=4000; eof]]"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await stream(claude, user("[[standin: size=4000; delay=9]]"))
    await ended_call(standin)

    calls = standin.calls()
    assert [call.outcome for call in calls] == ["completed", "cut", "client_left"]
    assert [call.usage["output_tokens"] for call in calls if call.usage] == [1_000, 1, 1]


async def test_no_more_than_the_last_2000_requests_are_kept(standin: StandInClient) -> None:
    connection = HTTPConnection(standin.base_url.removeprefix("http://"), timeout=5)
    try:
        for _ in range(2_001):
            connection.request("POST", "/v1/messages", body=b"{}", headers={"x-api-key": "sk-ant-test"})
            connection.getresponse().read()
    finally:
        connection.close()

    assert len(standin.calls()) == 2_001
    with pytest.raises(LookupError):
        standin.requests(0)
    assert standin.requests(1).body == {}


async def test_requests_that_go_on_from_one_another_are_told_from_those_that_do_not(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    tools = [{"name": "Read", "input_schema": {"type": "object"}}]
    question = user("[[standin: tool=Read:{} | say=ok]]")
    first = await stream(claude, question, tools=tools, cache_control={"type": "ephemeral"})
    await stream(claude, question, *tool_turn(first), tools=tools)

    earlier, later = standin.bodies("Read")
    assert extends(earlier, later)
    assert extends(later, later)
    assert not extends(later, earlier)
    changes: list[dict[str, Any]] = [
        {"model": "claude-sonnet-5-5"},
        {"system": "Other"},
        {"tools": []},
        {"mcp_servers": [{"name": "docs"}]},
        {"output_config": {"effort": "low"}},
        {"messages": [user("else"), *later["messages"][1:]]},
    ]
    assert [change for change in changes if extends(earlier, later | change)] == []


async def test_a_cache_that_lasts_an_hour_is_counted_as_such(claude: AsyncAnthropic) -> None:
    question = user("[[standin: say=ok]]" + "x" * 4_000)
    message = await stream(claude, question, cache_control={"type": "ephemeral", "ttl": "1h"})

    assert message.usage.cache_creation is not None
    assert message.usage.cache_creation.ephemeral_1h_input_tokens > 900
    assert message.usage.cache_creation.ephemeral_5m_input_tokens == 0


async def test_usage_says_where_the_model_ran(claude: AsyncAnthropic) -> None:
    anywhere = await stream(claude, user("[[standin: say=ok]]"))
    in_one_country = await stream(claude, user("[[standin: say=ok]]"), inference_geo="us")
    by_default = await stream(claude, user("[[standin: say=ok; geo=us]]"))
    with pytest.raises(anthropic.BadRequestError, match="inference_geo"):
        await stream(claude, user("[[standin: say=ok]]"), inference_geo="moon")

    geos = [message.usage.inference_geo for message in (anywhere, in_one_country, by_default)]
    assert geos == ["global", "us", "us"]


async def test_a_prompt_is_as_long_as_the_directive_says(claude: AsyncAnthropic) -> None:
    question = user("[[standin: prompt=150000; say=ok]]")
    plain = (await stream(claude, question)).usage
    cached = (await stream(claude, question, cache_control={"type": "ephemeral"})).usage

    assert plain.input_tokens == 150_000
    assert cached.cache_creation_input_tokens == 150_000 - cached.input_tokens
