"""The script that a prompt may carry: `[[standin: STEP | STEP | …]]`.

A step is a list of words separated by `;`, run in order. A value that contains `;`, `|` or `]]` is written as
a JSON string (`say="one; two"`); the input of a tool is JSON and needs no further quoting.

    say=TEXT  size=CHARACTERS  echo  think=TEXT  tool=NAME:{json}   what the reply consists of
    stop=REASON  wait=SECONDS  delay=SECONDS                         how it ends and how long it takes
    err=STATUS  retry_after=SECONDS  type=TYPE  error_code=CODE      an HTTP error in place of a reply
    sse_err=TYPE  eof  drop  hang  ping  silent                      a reply that breaks in the middle
"""

import json
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

_OPENING = "[[standin:"
_WORD = re.compile(r"\s*([a-z_]+)\s*(=?)\s*")
_PLAIN_VALUE = re.compile(r"(.*?)\s*(?=;|\||\]\])", re.DOTALL)
_TOOL_NAME = re.compile(r"([A-Za-z0-9_-]{1,128})\s*(:?)\s*")
_SEPARATOR = re.compile(r"\s*(;|\||\]\])")


class DirectiveError(ValueError):
    """The directive in the prompt cannot be understood; the text says where."""


@dataclass(frozen=True, slots=True)
class Say:
    """Text, word for word; empty text adds no block."""

    text: str


@dataclass(frozen=True, slots=True)
class Size:
    """Filler text of exactly so many characters."""

    characters: int


@dataclass(frozen=True, slots=True)
class Echo:
    """Text that repeats the system prompt and the user's text."""


@dataclass(frozen=True, slots=True)
class Think:
    """A signed thinking block."""

    text: str


@dataclass(frozen=True, slots=True)
class UseTool:
    """A tool_use block."""

    name: str
    input: dict[str, Any] = field(default_factory=dict)


type Part = Say | Size | Echo | Think | UseTool


class Break(StrEnum):
    """How a reply breaks in the middle."""

    EOF = "eof"  # the body ends cleanly, without message_delta and message_stop
    DROP = "drop"  # the TCP connection is reset
    HANG = "hang"  # nothing more comes, not even pings
    PING = "ping"  # only pings come
    SILENT = "silent"  # not even the status line comes


@dataclass(frozen=True, slots=True)
class Failure:
    """An HTTP error in place of a reply; `type` None is the usual one of the status."""

    status: int
    type: str | None = None
    error_code: str | None = None
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one call of a conversation gets. `wait` and `delay` are seconds; `delay` None streams at once."""

    parts: tuple[Part, ...] = ()
    stop: str | None = None
    wait: float = 0.0
    delay: float | None = None
    failure: Failure | None = None
    sse_error: str | None = None
    breaks: Break | None = None


def find_steps(text: str) -> tuple[Step, ...]:
    """The steps of the directive in `text`; empty if it has none. Raises DirectiveError."""
    start = text.find(_OPENING)
    if start < 0:
        return ()
    steps: list[Step] = []
    words: dict[str, str] = {}
    parts: list[Part] = []
    # Read word by word, not split at the separators: JSON values may contain all of them.
    position = start + len(_OPENING)
    while True:
        if word := _WORD.match(text, position):
            name, has_value = word[1], bool(word[2])
            position = word.end()
            if name == "tool":
                tool, position = _read_tool(text, position)
                parts.append(tool)
            else:
                value, position = _read_value(text, position) if has_value else ("", position)
                if (part := _part(name, value)) is not None:
                    parts.append(part)
                else:
                    words[name] = value
        separator = _SEPARATOR.match(text, position)
        if separator is None:
            raise DirectiveError(
                f"cannot read the stand-in's directive at {text[position : position + 30]!r}"
            )
        position = separator.end()
        if separator[1] != ";":
            steps.append(_step(tuple(parts), words))
            words, parts = {}, []
        if separator[1] == "]]":
            return tuple(steps)


def without_directive(text: str) -> str:
    """The text that a person would have written, without a directive."""
    start = text.find(_OPENING)
    end = text.find("]]", start)
    return text if start < 0 or end < 0 else (text[:start] + text[end + 2 :]).strip()


def _read_value(text: str, position: int) -> tuple[str, int]:
    if text.startswith('"', position):
        return _read_json(text, position)
    plain = _PLAIN_VALUE.match(text, position)
    if plain is None:
        raise DirectiveError("the stand-in's directive has no closing ]]")
    return plain[1], plain.end()


def _read_tool(text: str, position: int) -> tuple[UseTool, int]:
    name = _TOOL_NAME.match(text, position)
    if name is None:
        raise DirectiveError("tool= needs a name, as in tool=Read:{}")
    if not name[2]:
        return UseTool(name[1]), name.end()
    arguments, end = _read_json(text, name.end())
    if not isinstance(arguments, dict):
        raise DirectiveError(f"the input of tool {name[1]} must be a JSON object")
    return UseTool(name[1], arguments), end


def _read_json(text: str, position: int) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise DirectiveError(f"the stand-in's directive holds broken JSON: {error}") from error


def _part(name: str, value: str) -> Part | None:
    match name:
        case "say":
            return Say(value)
        case "size":
            return Size(int(_number(name, value)))
        case "echo":
            return Echo()
        case "think":
            return Think(value)
    return None


def _step(parts: tuple[Part, ...], words: dict[str, str]) -> Step:
    step = Step(parts)
    details: dict[str, str] = {}
    for name, value in words.items():
        match name:
            case "stop":
                step = replace(step, stop=value)
            case "wait":
                step = replace(step, wait=_number(name, value))
            case "delay":
                step = replace(step, delay=_number(name, value))
            case "sse_err":
                step = replace(step, sse_error=value or "overloaded_error")
            case "eof" | "drop" | "hang" | "ping" | "silent":
                step = replace(step, breaks=Break(name))
            case "err" | "type" | "error_code" | "retry_after":
                details[name] = value
            case _:
                raise DirectiveError(f"the stand-in does not know the word {name!r}")
    if not details:
        return step
    if "err" not in details:
        raise DirectiveError(f"{', '.join(details)} needs err=STATUS beside it")
    status = int(_number("err", details["err"]))
    if not 400 <= status <= 599:
        raise DirectiveError(f"err= needs a status from 400 to 599, not {status}")
    failure = Failure(
        status=status,
        type=details.get("type"),
        error_code=details.get("error_code"),
        retry_after=details.get("retry_after"),
    )
    return replace(step, failure=failure)


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise DirectiveError(f"{name}= needs a number, not {value!r}") from None
    if not 0 <= number < 1e9:
        raise DirectiveError(f"{name}= must lie between 0 and a billion")
    return number
