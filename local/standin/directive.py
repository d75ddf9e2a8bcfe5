"""The script that a prompt may carry: `[[standin: STEP | STEP | …]]`.

A step is a list of words separated by `;`, run in order. A value that contains `;`, `|` or `]]` is written as
a JSON string (`say="one; two"`); JSON objects need no further quoting.

    say=TEXT  size=CHARACTERS  echo  data={json}  think=TEXT        what the reply says
    update=TEXT                                                      what it says of its progress
    decline=CATEGORY                                                 that it declines; a fallback continues
    tool=NAME:{json}  server=NAME:{json}  mcp=SERVER.TOOL:{json}    what it calls; several are parallel calls
    compact                                                          that it begins with a summary
    stop=REASON  wait=SECONDS  delay=SECONDS                         how it ends and how long it takes
    err=STATUS  retry_after=SECONDS  type=TYPE  error_code=CODE      an HTTP error in place of a reply
    sse_err=TYPE  eof  drop  hang  ping  silent                      a reply that breaks in the middle
    expire                                                           no reply: expired, in a batch
    prompt=TOKENS  geo=REGION                                        what its usage says of the prompt
    repeat=TIMES  once                                               how often the step is given
    follow                                                           the first step of the last tool_result's
                                                                     own directive, such as an answer's

`${last_tool_result}` in a text of `say=` is replaced by the text of the last tool_result in the request.
`server=` knows web_search, web_fetch, code_execution and bash_code_execution; the latter two create the files
named in their input: `{"files": [{"name", "text", "fault"?}]}` (files.py has the faults). `server=`, `mcp=`
and `compact` return 400 unless the request offers the tool, or asks for compaction.

The step of a call follows from its request, so a repeated request gets the same step again, even if its
client died: one step on for each assistant message in it, and one for each earlier call of the conversation,
at this or an earlier length, that used up a step when it began. Steps are used up by errors and breaks
(`err=529 | say=ok`), by `expire`, and by any step with `once` (`delay=90; once | say=ok` for a client that is
killed or frozen while it waits). After the last step the last one is repeated.
"""

import json
import re
from dataclasses import replace
from typing import Any

from local.standin.step import (
    Break,
    Compact,
    Data,
    Decline,
    Echo,
    Failure,
    Note,
    Part,
    Say,
    Size,
    Step,
    Think,
    UseMcpTool,
    UseServerTool,
    UseTool,
)

_OPENING = "[[standin:"
_WORD = re.compile(r"\s*([a-z_]+)\s*(=?)\s*")
_PLAIN_VALUE = re.compile(r"(.*?)\s*(?=;|\||\]\])", re.DOTALL)
_CALL = re.compile(r"([A-Za-z0-9_-]{1,128})(?:\.([A-Za-z0-9_.-]{1,128}))?\s*(:?)\s*")
_SEPARATOR = re.compile(r"\s*(;|\||\]\])")
_MOST_REPETITIONS = 10_000
_DETAILS = ("type", "error_code", "retry_after")
"""Words about an HTTP error, beside its status."""


class DirectiveError(ValueError):
    """The directive in the prompt cannot be parsed; the message says where."""


def find_steps(text: str) -> tuple[Step, ...]:
    """The steps of the directive in `text`; empty if it has none. Raises DirectiveError."""
    start = text.find(_OPENING)
    if start < 0:
        return ()
    steps: list[Step] = []
    words: dict[str, str] = {}
    parts: list[Part] = []
    # Parsed word by word, not split at the separators: JSON values may contain all of them.
    position = start + len(_OPENING)
    while True:
        if word := _WORD.match(text, position):
            name, has_value = word[1], bool(word[2])
            position = word.end()
            if name in ("tool", "server", "mcp"):
                call, position = _read_call(name, text, position)
                parts.append(call)
            elif name == "data":
                data, position = _read_data(text, position)
                parts.append(data)
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
            times = _repetitions(words.pop("repeat", "1"))
            steps.extend([_step(tuple(parts), words)] * times)
            words, parts = {}, []
        if separator[1] == "]]":
            return tuple(steps)


def without_directive(text: str) -> str:
    """The user's text without the directive."""
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


def _read_call(word: str, text: str, position: int) -> tuple[Part, int]:
    name = _CALL.match(text, position)
    if name is None or (name[2] is not None) != (word == "mcp"):
        example = "mcp=docs.search:{}" if word == "mcp" else f"{word}=Read:{{}}"
        raise DirectiveError(f"{word}= needs a name, as in {example}")
    arguments, end = _read_json(text, name.end()) if name[3] else ({}, name.end())
    if not isinstance(arguments, dict):
        raise DirectiveError(f"the input of {word}={name[1]} must be a JSON object")
    match word:
        case "mcp":
            return UseMcpTool(name[1], name[2], arguments), end
        case "server":
            return UseServerTool(name[1], arguments), end
        case _:
            return UseTool(name[1], arguments), end


def _read_data(text: str, position: int) -> tuple[Data, int]:
    _, end = _read_json(text, position)
    return Data(text[position:end]), end


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
        case "decline":
            return Decline(value or None)
        case "update":
            return Note(value)
        case "compact":
            return Compact()
    return None


def _step(parts: tuple[Part, ...], words: dict[str, str]) -> Step:
    details = {name: value for name, value in words.items() if name in ("err", *_DETAILS)}
    step = Step(parts, failure=_failure(details))
    for name, value in words.items():
        if name not in details:
            step = replace(step, **_change(name, value))
    return step


def _change(name: str, value: str) -> dict[str, Any]:
    """The change that a word makes to its step."""
    match name:
        case "stop" | "geo":
            return {name: value}
        case "wait" | "delay":
            return {name: _number(name, value)}
        case "once":
            return {"once": True}
        case "sse_err":
            return {"sse_error": value or "overloaded_error"}
        case "eof" | "drop" | "hang" | "ping" | "silent":
            return {"breaks": Break(name)}
        case "prompt":
            return {"prompt_tokens": int(_number(name, value))}
        case "follow":
            return {"follows": True}
        case "expire":
            return {"expires": True}
    raise DirectiveError(f"the stand-in does not know the word {name!r}")


def _failure(details: dict[str, str]) -> Failure | None:
    if not details:
        return None
    if "err" not in details:
        raise DirectiveError(f"{', '.join(details)} needs err=STATUS beside it")
    status = int(_number("err", details["err"]))
    if not 400 <= status <= 599:
        raise DirectiveError(f"err= needs a status from 400 to 599, not {status}")
    return Failure(status, **{name: details.get(name) for name in _DETAILS})


def _repetitions(value: str) -> int:
    times = int(_number("repeat", value))
    if not 1 <= times <= _MOST_REPETITIONS:
        raise DirectiveError(f"repeat= must lie between 1 and {_MOST_REPETITIONS}")
    return times


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise DirectiveError(f"{name}= needs a number, not {value!r}") from None
    if not 0 <= number < 1e9:
        raise DirectiveError(f"{name}= must lie between 0 and a billion")
    return number
