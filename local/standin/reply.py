"""The content of a reply: blocks, and the texts that fill them."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local.standin.directive import Echo, Part, Say, Size, Step, Think, UseTool, without_directive
from local.standin.messages_request import MessagesRequest
from local.standin.prefixes import CHARACTERS_PER_TOKEN, sign_thinking

_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_EXCERPT_CHARACTERS = 60
_FILLER_LINE = "The stand-in fills this line so that the reply gets long.\n"


@dataclass(frozen=True, slots=True)
class Text:
    """A text block."""

    text: str

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        return {"type": "text", "text": self.text}


@dataclass(frozen=True, slots=True)
class Thinking:
    """A thinking block with its signature."""

    text: str
    signature: str

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        return {"type": "thinking", "thinking": self.text, "signature": self.signature}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool_use block."""

    name: str
    input: dict[str, Any]
    id: str = field(default_factory=lambda: f"toolu_{secrets.token_hex(12)}")

    @property
    def text(self) -> str:
        """Its input as JSON text."""
        return json.dumps(self.input, ensure_ascii=False)

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": self.input}


type Block = Text | Thinking | ToolUse


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says in one call, and why it stops there."""

    blocks: tuple[Block, ...]
    stop_reason: str

    @classmethod
    def to_request(cls, request: MessagesRequest, step: Step) -> "Reply":
        """The reply that a step gives to a request; without any content words it is the default report."""
        parts = step.parts
        if all(isinstance(part, Think) for part in parts):
            parts = (*parts, Say(_default_text(request)))
        blocks = tuple(_blocks(request, parts))
        uses_tool = any(isinstance(block, ToolUse) for block in blocks)
        return cls(blocks, step.stop or ("tool_use" if uses_tool else "end_turn"))

    @property
    def output_tokens(self) -> int:
        """Its rough length in tokens, at least 1."""
        return max(1, sum(len(block.text) for block in self.blocks) // CHARACTERS_PER_TOKEN)

    @property
    def stop_details(self) -> dict[str, Any] | None:
        """Why a refusal was a refusal; None for any other stop."""
        if self.stop_reason != "refusal":
            return None
        explanation = "The stand-in was asked to refuse."
        return {"type": "refusal", "category": "general_harms", "explanation": explanation}


def filler(characters: int) -> str:
    """Text of exactly so many characters; numbered lines make a missing or doubled piece visible."""
    line_length = 9 + len(_FILLER_LINE)
    lines = (f"{number:08d} {_FILLER_LINE}" for number in range(characters // line_length + 1))
    return "".join(lines)[:characters]


def _blocks(request: MessagesRequest, parts: tuple[Part, ...]) -> Iterator[Block]:
    for part in parts:
        match part:
            case Say(""):
                pass
            case Say(text):
                yield Text(text)
            case Size(characters):
                yield Text(filler(characters))
            case Echo():
                yield Text(_echo_text(request))
            case Think(text):
                yield Thinking(text, sign_thinking(request.prefixes[-1], text))
            case UseTool(name, arguments):
                yield ToolUse(name, arguments)


def _echo_text(request: MessagesRequest) -> str:
    user_text = "\n\n".join(text for text in request.user_texts if text)
    return f"[system]\n{request.system}\n\n[user]\n{user_text}"


def _default_text(request: MessagesRequest) -> str:
    question = without_directive(next((text for text in reversed(request.user_texts) if text), ""))
    excerpt = " ".join(question.split())
    if len(excerpt) > _EXCERPT_CHARACTERS:
        excerpt = excerpt[:_EXCERPT_CHARACTERS].rstrip() + "…"
    template = _CHINESE_REPORT if _CJK.search(question) else _ENGLISH_REPORT
    return template.format(
        excerpt=excerpt or "…",
        characters=len(question),
        system_characters=len(request.system),
        messages=len(request.messages),
    )


_ENGLISH_REPORT = """\
# A short report

**I am the stand-in bundled with this project, not Claude.** I answer while no API key is set, so that \
the whole path of a task can be tried. Nothing below comes from a model.

## What arrived

| | |
|---|---|
| Your message begins | {excerpt} |
| Its length | {characters} characters |
| The agent's system prompt | {system_characters} characters |
| Messages in the conversation | {messages} |

## What comes next

Set `ANTHROPIC_API_KEY` and start again: the same task will then be answered by Claude.
"""

_CHINESE_REPORT = """\
# 简短报告

**我是本项目自带的替身（stand-in），不是 Claude。** 没有设置 API 密钥时由我来回答，\
好让任务的整条路径都能跑通。以下内容不是模型生成的。

## 收到的内容

| | |
|---|---|
| 消息开头 | {excerpt} |
| 消息长度 | {characters} 个字符 |
| 智能体的系统提示词 | {system_characters} 个字符 |
| 对话中的消息数 | {messages} |

## 接下来

设置 `ANTHROPIC_API_KEY` 后重新启动，同样的任务就会由 Claude 来回答。
"""
