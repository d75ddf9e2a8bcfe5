"""The stand-in's default answer, for messages without a directive."""

import re

from local.standin.directive import without_directive
from local.standin.request.messages_request import MessagesRequest

_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_EXCERPT_CHARACTERS = 60


def report_on(request: MessagesRequest) -> str:
    """A short report on the request, in the language of the last user text."""
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
