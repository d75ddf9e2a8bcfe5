"""The tools that an agent may be allowed: their names, who runs them, and what a crash means for them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SERVER_TOOLS = frozenset({"WebSearch", "WebFetch", "Bash", "CodeExecution"})
"""Anthropic's own; they run there, so no shell and no fetch ever run here."""
WORKSPACE_TOOLS = frozenset({"Read", "Write", "Edit", "Glob", "Grep"})
"""Files in the task's own folder."""
SERVICE_TOOLS = frozenset({"save_artifact", "report_progress", "ask_user", "call_agent", "Task", "TodoWrite"})
CHILD_TOOLS = frozenset({"call_agent", "Task"})
"""Two names for the same: a task of another agent."""
TOOLS = SERVER_TOOLS | WORKSPACE_TOOLS | SERVICE_TOOLS
"""Names as in Claude Code, and the service's own."""
OWN_TOOLS = WORKSPACE_TOOLS | SERVICE_TOOLS
"""Those that run here, so that a call of one can be denied."""
MCP_TOOL = re.compile(
    r"mcp__(?P<server>[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*)__(?P<tool>[A-Za-z0-9-]+(?:_+[A-Za-z0-9-]+)*)"
)


def denied(names: Iterable[str], deny: Iterable[str] | None, allow: Iterable[str] | None) -> frozenset[str]:
    """Those of our own tools among ``names`` that ``deny`` names, or ``allow`` does not. Two names of one
    tool are denied together."""
    own = OWN_TOOLS.intersection(names)
    if allow is not None:
        return own - frozenset(allow)
    named = frozenset(deny or ())
    return own & (named | CHILD_TOOLS if named & CHILD_TOOLS else named)


class Effect(StrEnum):
    """What happens if a tool runs again because nobody knows whether it did."""

    REPEATABLE = "repeatable"  # the same again changes nothing: it is simply run again
    ONCE = "once"  # might do harm: after a crash the model is told, and decides


ONCE_TOOLS = frozenset({"Write", "Edit"})


def effect_of(name: str) -> Effect:
    return Effect.ONCE if name in ONCE_TOOLS else Effect.REPEATABLE


@dataclass(frozen=True)
class ToolAnswer:
    """What the model reads as a tool's result: ``text``, or ``parts`` where a caller's answer is more."""

    text: str
    is_error: bool = False
    parts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class McpServer:
    """A remote MCP server of a project. ``secret_arn`` names its bearer token in Secrets Manager, if it
    needs one; the token itself is only ever in the request."""

    name: str
    url: str
    secret_arn: str | None = None
