"""What a reply of the stand-in looks like to the real SDK."""

import json
import time
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import ToolUseBlock

from local.standin.client import StandInClient
from local.standin.replies.reply import filler
from tests.integration.standin.sdk import MODEL, assistant, stream, text_of, user

pytestmark = pytest.mark.anyio


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
    shown: Any = {"type": "adaptive", "display": "summarized"}
    first = await stream(claude, question, system="Be brief.", thinking=shown)
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
    claude: AsyncAnthropic, standin: StandInClient, prompt: str, expected: list[str]
) -> None:
    standin.answer_unscripted_after(500)
    started = time.monotonic()
    async with claude.messages.stream(model=MODEL, max_tokens=9, messages=[user(prompt)]) as events:
        deltas = [delta async for delta in events.text_stream]

    assert time.monotonic() - started >= 0.5
    assert len(deltas) > 3
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
