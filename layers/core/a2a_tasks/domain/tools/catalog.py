"""The tools that an agent may be allowed: names, where they run, and how they behave after a crash."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SERVER_TOOLS = frozenset({"WebSearch", "WebFetch", "Bash", "CodeExecution"})
"""Run on Anthropic's side, so no shell and no fetch ever runs here."""
WORKSPACE_TOOLS = frozenset({"Read", "Write", "Edit", "Glob", "Grep"})
"""Access files in the task's workspace."""
SERVICE_TOOLS = frozenset({"save_artifact", "report_progress", "ask_user", "call_agent", "Task", "TodoWrite"})
CHILD_TOOLS = frozenset({"call_agent", "Task"})
"""Two names of the tool that starts another agent's task."""
TOOLS = SERVER_TOOLS | WORKSPACE_TOOLS | SERVICE_TOOLS
"""All names: those of Claude Code, and the service's own."""
OWN_TOOLS = WORKSPACE_TOOLS | SERVICE_TOOLS
"""Tools that run here, whose calls can therefore be denied."""
MCP_TOOL = re.compile(
    r"mcp__(?P<server>[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*)__(?P<tool>[A-Za-z0-9-]+(?:_+[A-Za-z0-9-]+)*)"
)


def denied(names: Iterable[str], deny: Iterable[str] | None, allow: Iterable[str] | None) -> frozenset[str]:
    """Tools of ours among ``names`` that ``deny`` lists or ``allow`` does not. If a tool has two names,
    both are denied."""
    own = OWN_TOOLS.intersection(names)
    if allow is not None:
        return own - frozenset(allow)
    named = frozenset(deny or ())
    # one tool with two names: denying only one of them would have no effect
    return own & (named | CHILD_TOOLS if named & CHILD_TOOLS else named)


class Effect(StrEnum):
    """Whether a tool may run again if a crash hid whether it ran."""

    REPEATABLE = "repeatable"  # idempotent: it is simply run again
    ONCE = "once"  # not idempotent: after a crash the model is informed and decides


ONCE_TOOLS = frozenset({"Write", "Edit"})


def effect_of(name: str) -> Effect:
    """The effect of the tool of this name."""
    return Effect.ONCE if name in ONCE_TOOLS else Effect.REPEATABLE


@dataclass(frozen=True)
class ToolAnswer:
    """The result of a tool as the model reads it."""

    text: str
    is_error: bool = False
    parts: tuple[Mapping[str, Any], ...] = ()
    """Content blocks, if a caller's answer is more than text."""


@dataclass(frozen=True)
class McpServer:
    """A remote MCP server of a project."""

    name: str
    url: str
    secret_arn: str | None = None
    """Secret of its bearer token, if it needs one. The token itself appears only in requests."""
