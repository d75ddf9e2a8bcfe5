"""Calls of the real SDK, and requests that it would not send."""

import asyncio
from typing import Any

import httpx2
from anthropic import AsyncAnthropic
from anthropic.types import Message, MessageParam, ToolUseBlock
from anthropic.types.beta import BetaMessage

from local.standin.calls import Call
from local.standin.client import StandInClient

MODEL = "claude-opus-5-5"


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


def assistant(content: Any) -> Any:
    return {"role": "assistant", "content": content}


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def stream(claude: AsyncAnthropic, *messages: MessageParam, **parameters: Any) -> Message:
    options: dict[str, Any] = {"model": MODEL, "max_tokens": 1_000} | parameters
    async with claude.messages.stream(messages=messages, **options) as events:
        return await events.get_final_message()


async def stream_beta(claude: AsyncAnthropic, *messages: Any, **parameters: Any) -> BetaMessage:
    options: dict[str, Any] = {"model": MODEL, "max_tokens": 1_000} | parameters
    async with claude.beta.messages.stream(messages=messages, **options) as events:
        return await events.get_final_message()


def replay(message: Message | BetaMessage) -> Any:
    """The reply as a message of the next request."""
    return {"role": "assistant", "content": message.to_dict(mode="json")["content"]}


def tool_turn(message: Message) -> list[MessageParam]:
    """The reply, and a result for each of its calls, which is the name of the tool."""
    calls = [block for block in message.content if isinstance(block, ToolUseBlock)]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": call.name} for call in calls]
    return [replay(message), user(results)]


async def post(
    standin: StandInClient, body: dict[str, Any], beta: str = "", path: str = "/v1/messages?beta=true"
) -> tuple[int, dict[str, Any]]:
    headers = {"x-api-key": "sk-ant-test"} | ({"anthropic-beta": beta} if beta else {})
    async with httpx2.AsyncClient(base_url=standin.base_url, headers=headers) as client:
        answer = await client.post(path, json=body)
        return answer.status_code, answer.json()


async def ended_call(standin: StandInClient) -> Call:
    """The last call, once the stand-in has noticed that its client is gone."""
    for _ in range(500):
        if (call := standin.calls()[-1]).outcome != "open":
            return call
        await asyncio.sleep(0.01)
    raise AssertionError("the stand-in still waits for a client that has left")
