"""Tasks in the wire format, converted to text for operators."""

from collections.abc import Iterator
from typing import Any

import typer

from a2a_tasks.domain.task import Status
from a2actl.terminal.amount import counted
from a2actl.terminal.output import note, one_line, show_json, show_text

_TIMES = {"createdAt": "Created", "notBefore": "Not before", "startedAt": "Started", "completedAt": "Ended"}


def fields(task: dict[str, Any]) -> list[tuple[str, str]]:
    """What a person wants to know of a task, in order, without its result."""
    shown = [("Task", task["taskId"]), ("Agent", task["agentId"]), ("Status", task["status"])]
    if "progress" in task:
        shown.append(("Progress", progress(task["progress"])))
    if "question" in task:
        shown.append(("Question", task["question"]))
    if "options" in task:
        shown.append(("Options", " / ".join(task["options"])))
    shown += [(name, task[field]) for field, name in _TIMES.items() if field in task]
    shown += [(name.title(), task[name]) for name in ("priority", "lane") if name in task]
    shown.append(("Attempts", str(task["attempts"])))
    if "errorDetails" in task:
        shown.append(("Problem", problem(task)))
    if "usage" in task:
        shown.append(("Usage", usage(task["usage"])))
        shown += _parts_of_usage(task["usage"])
    return shown


def progress(known: dict[str, Any]) -> str:
    """Such as ``turn 3, WebSearch, 40 %: reads the sources``."""
    parts = [f"turn {known['turn']}"]
    if "tool" in known:
        parts.append(known["tool"])
    if "percent" in known:
        parts.append(f"{known['percent']} %")
    step = f": {known['step']}" if "step" in known else ""
    return ", ".join(parts) + step


def moment(task: dict[str, Any]) -> str:
    """A task's state on one line, with its question or progress, if any."""
    status: str = task["status"]
    if "question" in task:
        return f"{status}: {task['question']}"
    if status == Status.RUNNING and "progress" in task:
        return f"{status}, {progress(task['progress'])}"
    return status


def usage(used: dict[str, Any]) -> str:
    """Such as ``2 turns, 1,200 tokens in, 340 out, 3 web searches, about $0.0123``; cached tokens count as
    in."""
    tokens_in = used["inputTokens"] + used["cacheReadTokens"] + used["cacheWriteTokens"]
    turns = counted(used["turns"], "turn")
    searched = used.get("webSearches", 0)
    searches = f", {searched:,} web search{'' if searched == 1 else 'es'}" if searched else ""
    cost = f", about ${used['costUsd']:.4f}" if used.get("costUsd") is not None else ""
    return f"{turns}, {tokens_in:,} tokens in, {used['outputTokens']:,} out{searches}{cost}"


def problem(task: dict[str, Any]) -> str:
    details = task.get("errorDetails", {})
    return f"{details.get('message', 'for an unknown reason')} ({details.get('code', 'UNKNOWN')})"


def show_result(output: dict[str, Any]) -> None:
    """The result on stdout, as data if there is any, and the artifacts after it; a blank line before each."""
    if "data" in output or "result" in output:
        typer.echo()
        _show_answer(output)
    artifacts = list(_artifacts(output))
    if artifacts:
        typer.echo("\nArtifacts:")
        for line in artifacts:
            typer.echo(line)


def show_end(task: dict[str, Any]) -> None:
    """The result on stdout, also the part that a failed task left; how it ended on stderr."""
    if "output" in task:
        _show_answer(task["output"])
        for line in _artifacts(task["output"]):
            note(f"Artifact: {line}")
    match task["status"]:
        case Status.COMPLETED if "usage" in task:
            note(f"Completed: {usage(task['usage'])}.")
        case Status.FAILED:
            note(f"The task failed: {problem(task)}")
        case Status.CANCELED:
            note("The task was canceled.")


def _show_answer(output: dict[str, Any]) -> None:
    if "data" in output:
        show_json(output["data"])  # the result is the same as text
    elif "result" in output:
        show_text(output["result"])


def _artifacts(output: dict[str, Any]) -> Iterator[str]:
    """Such as ``report.md (text/markdown, 1,234 bytes): https://…``."""
    for artifact in output.get("artifacts", ()):
        size = f", {artifact['sizeBytes']:,} bytes" if "sizeBytes" in artifact else ""
        where = artifact.get("url", "in `tasks get --json`")
        yield one_line(f"{artifact['name']} ({artifact['mediaType']}{size}): {where}")


def _parts_of_usage(used: dict[str, Any]) -> list[tuple[str, str]]:
    """By model, and by attempt if there was more than one."""
    attempts = used.get("byAttempt", [])
    by_model = [(f"  {entry['model']}", usage(entry)) for entry in used.get("byModel", ())]
    by_attempt = [(f"  attempt {entry['attempt']}", usage(entry)) for entry in attempts]
    return by_model + (by_attempt if len(attempts) > 1 else [])
