"""The directive, and which of its steps a call gets."""

import asyncio

import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import ToolUseBlock

from local.standin.client import StandInClient
from local.standin.directive import DirectiveError, find_steps, without_directive
from local.standin.step import Break, Data, Say, UseMcpTool, UseTool
from tests.integration.standin.sdk import replay, stream, text_of, tool_turn, user

pytestmark = pytest.mark.anyio


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
        "mcp=search:{}]]",
        "server=]]",
        "data={]]",
        "repeat=0]]",
    ],
)
def test_a_directive_that_makes_no_sense_is_an_error(directive: str) -> None:
    with pytest.raises(DirectiveError):
        find_steps(f"[[standin: {directive}")


def test_a_step_can_be_repeated_and_call_several_tools_at_once() -> None:
    steps = find_steps(
        '[[standin: tool=Read:{"n": 1}; tool=Glob; repeat=39 | mcp=docs.search:{}; data=[1, "|"]]]'
    )

    assert len(steps) == 40
    assert steps[0] == steps[38]
    assert steps[0].parts == (UseTool("Read", {"n": 1}), UseTool("Glob"))
    assert steps[39].parts == (UseMcpTool("docs", "search"), Data('[1, "|"]'))


async def test_a_task_of_forty_turns_fits_into_a_short_prompt(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    messages = [user("[[standin: tool=Read:{}; repeat=39 | say=done]]")]
    for _ in range(40):
        message = await stream(claude, *messages)
        if message.stop_reason != "tool_use":
            break
        messages += tool_turn(message)

    assert text_of(message) == "done"
    assert [call.step for call in standin.calls()] == list(range(1, 41))


async def test_an_answer_can_say_what_comes_next(claude: AsyncAnthropic) -> None:
    messages = [user("[[standin: tool=ask_user:{} | follow]]")]
    stops = []
    for answer in ("[[standin: tool=ask_user:{}]]", "On. [[standin: say=done]]", "never asked"):
        message = await stream(claude, *messages)
        stops.append(message.stop_reason)
        asked = [block.id for block in message.content if isinstance(block, ToolUseBlock)]
        results = [{"type": "tool_result", "tool_use_id": call_id, "content": answer} for call_id in asked]
        messages += [replay(message), user(results)]

    assert stops == ["tool_use", "tool_use", "end_turn"]
    assert text_of(message) == "done"


async def test_a_request_that_is_repeated_gets_the_same_step_again(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    question = user("[[standin: tool=Read:{} | err=529 | tool=Glob:{} | eof | say=done]]")
    first = await stream(claude, question)
    again = await stream(claude, question)
    assert [block.type for block in again.content] == ["tool_use"]

    second = [question, *tool_turn(first)]
    with pytest.raises(anthropic.OverloadedError):
        await stream(claude, *second)
    third = [*second, *tool_turn(await stream(claude, *second))]
    assert (await stream(claude, *third)).stop_reason is None
    assert text_of(await stream(claude, *third)) == "done"
    assert text_of(await stream(claude, *third)) == "done"
    # AND what happened later does not change what an earlier request gets
    await stream(claude, *second)
    await stream(claude, question)
    assert [call.step for call in standin.calls()] == [1, 1, 2, 3, 4, 5, 5, 3, 1]


@pytest.mark.parametrize(("word", "steps"), [("", [1, 1]), ("; once", [1, 2]), ("; hang", [1, 2])])
async def test_a_client_that_left_gets_its_step_again_unless_it_was_used_up(
    claude: AsyncAnthropic, standin: StandInClient, word: str, steps: list[int]
) -> None:
    question = user(f"[[standin: say=slow; delay=0.6{word} | say=quick]]")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await stream(claude, question)

    # at once, before the stand-in may have noticed that the client is gone
    await stream(claude, question)
    assert [call.step for call in standin.calls()] == steps


async def test_two_calls_at_once_share_a_step_unless_the_first_uses_it_up(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    prompts = [
        "[[standin: say=a; delay=0.3 | say=b]]",
        "[[standin: say=c; delay=0.3; once | say=d; delay=0.3]]",
    ]
    replies = await asyncio.gather(*(stream(claude, user(prompt)) for prompt in prompts for _ in range(2)))

    assert [text_of(reply) for reply in replies[:2]] == ["a", "a"]
    assert sorted(text_of(reply) for reply in replies[2:]) == ["c", "d"]
    assert standin.concurrency().max_open == 4


async def test_a_text_can_tell_what_the_model_was_told_last(claude: AsyncAnthropic) -> None:
    question = user('[[standin: tool=Read; tool=Glob | say="got: ${last_tool_result}!"]]')
    messages = [question, *tool_turn(await stream(claude, question))]

    assert text_of(await stream(claude, *messages)) == "got: Glob!"
