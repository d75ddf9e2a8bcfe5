"""Runs Read, Write, Edit, Glob and Grep. Invalid input is answered, never raised."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from a2a_tasks.domain.tools.catalog import ToolAnswer
from a2a_tasks.domain.tools.workspace import DEFINITIONS, READ_LINES
from a2a_tasks.ports.workspace import FileMatches, Search, Workspace, WorkspaceRefused

_KINDS = {"string": (str, "a string"), "integer": (int, "a whole number"), "boolean": (bool, "true or false")}


def run(workspace: Workspace, name: str, arguments: object) -> ToolAnswer:
    """The result of a tool call. Blocks for some seconds at most.

    Args:
        workspace: The task's files.
        name: The tool.
        arguments: ``input`` of the ``tool_use`` block, unvalidated.
    """
    if name not in DEFINITIONS:
        return ToolAnswer(f"There is no tool {_quoted(name)} for the workspace.", is_error=True)
    given = _without_nulls(arguments)
    if problem := _problem(DEFINITIONS[name]["input_schema"], given):
        return ToolAnswer(f"{name}: {problem}", is_error=True)
    try:
        return ToolAnswer(_RUNNERS[name](workspace, given))
    except WorkspaceRefused as refused:
        return ToolAnswer(f"{name}: {refused}", is_error=True)


def _without_nulls(arguments: object) -> dict[str, Any]:
    """Models send null for parameters that they leave out."""
    if not isinstance(arguments, Mapping):
        return {}
    return {key: value for key, value in arguments.items() if value is not None}


def _problem(schema: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """The first invalid parameter and how to fix it, or None."""
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
    for key in given:
        if key not in properties:
            return f"there is no parameter {_quoted(key)}; the parameters are {', '.join(properties)}."
    for key in schema["required"]:
        if key not in given:
            return f"{key} is missing; the input is an object with {', '.join(schema['required'])}."
    return next((problem for key in given if (problem := _wrong(key, given[key], properties[key]))), None)


def _wrong(key: str, value: object, rule: Mapping[str, Any]) -> str | None:
    kind, spelled = _KINDS[rule["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return f"{key} must be {spelled}."
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            return f"{key} holds half of a surrogate pair; send valid Unicode."
        if "enum" in rule and value not in rule["enum"]:
            return f"{key} must be one of {', '.join(rule['enum'])}."
        if len(value) > rule.get("maxLength", len(value)):
            return f"{key} must have at most {rule['maxLength']:,} characters."
    elif isinstance(value, int) and kind is int and not rule["minimum"] <= value <= rule["maximum"]:
        return f"{key} must be between {rule['minimum']} and {rule['maximum']:,}."
    return None


def _quoted(text: object) -> str:
    """Safe to send back, whatever it contains."""
    return ascii(text)[:80] if isinstance(text, str) else "of that kind"


def _read(workspace: Workspace, given: Mapping[str, Any]) -> str:
    excerpt = workspace.read(given["file_path"], given.get("offset", 1), given.get("limit", READ_LINES))
    if not excerpt.total:
        return "(The file is empty.)"
    numbered = [f"{number:>6}\t{line}" for number, line in enumerate(excerpt.lines, excerpt.first)]
    last = excerpt.first + len(excerpt.lines) - 1
    if excerpt.broken:
        numbered.append(f"(Line {last} is cut: it is too long to be shown whole. Grep shows parts of it.)")
    if last < excerpt.total:
        numbered.append(
            f"(Lines {excerpt.first} to {last} of {excerpt.total}. Read on with offset {last + 1}.)"
        )
    return "\n".join(numbered)


def _write(workspace: Workspace, given: Mapping[str, Any]) -> str:
    created = workspace.write(given["file_path"], given["content"])
    size = len(given["content"].encode())
    return f"{'Created' if created else 'Replaced'} {given['file_path']}: {size:,} bytes."


def _edit(workspace: Workspace, given: Mapping[str, Any]) -> str:
    count = workspace.edit(
        given["file_path"], given["old_string"], given["new_string"], given.get("replace_all", False)
    )
    return f"Changed {given['file_path']}: {count:,} occurrence{'s' if count > 1 else ''} replaced."


def _glob(workspace: Workspace, given: Mapping[str, Any]) -> str:
    return "\n".join(workspace.glob(given["pattern"], given.get("path", ""))) or "No files match."


def _grep(workspace: Workspace, given: Mapping[str, Any]) -> str:
    mode = given.get("output_mode", "files_with_matches")
    around = given.get("-C", 0)
    matches = workspace.grep(
        Search(
            pattern=given["pattern"],
            path=given.get("path", ""),
            glob=given.get("glob"),
            ignore_case=given.get("-i", False),
            with_lines=mode == "content",
            before=given.get("-B", around),
            after=given.get("-A", around),
        )
    )
    rendered = _matches(matches.files, mode, numbers=given.get("-n", True))
    limit = given.get("head_limit")
    lines = list(islice(rendered, limit))
    if next(rendered, None) is not None:
        lines.append(f"(There is more; this is what head_limit {limit} allows.)")
    if matches.binary:
        lines.append(f"(Not searched: binary files, {matches.binary} of them.)")
    if matches.stopped:
        lines.append(f"(Not everything was searched: {matches.stopped}. Narrow it by path, glob or pattern.)")
    return "\n".join(lines if matches.files else ["No matches.", *lines])


def _matches(files: tuple[FileMatches, ...], mode: str, numbers: bool) -> Iterator[str]:
    for file in files:
        if mode == "files_with_matches":
            yield file.path
        elif mode == "count":
            yield f"{file.path}:{file.count}"
        else:
            yield from _lines(file, numbers)


def _lines(file: FileMatches, numbers: bool) -> Iterator[str]:
    """In ripgrep's format: ``:`` after path and number of a match, ``-`` for lines of context."""
    for line in file.lines:
        mark = ":" if line.matches else "-"
        yield (
            f"{file.path}{mark}{line.number}{mark}{line.text}" if numbers else f"{file.path}{mark}{line.text}"
        )


_RUNNERS = {"Read": _read, "Write": _write, "Edit": _edit, "Glob": _glob, "Grep": _grep}
