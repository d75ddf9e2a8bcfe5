"""``a2actl tasks``: submit and follow tasks through the public API, like any other caller."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from a2a_tasks.domain.task import Lane, Priority, Status
from a2a_tasks.domain.text.blank import is_blank
from a2actl.agents.commands import AgentId, AsJson
from a2actl.deployment.stack import chosen_stack
from a2actl.tasks import view
from a2actl.tasks.connection import connected_api
from a2actl.tasks.explain import app as explain
from a2actl.tasks.follow import app as follow
from a2actl.tasks.options import INTERRUPTED, NOT_COMPLETED, Key, TaskId
from a2actl.tasks.retry import app as retry
from a2actl.terminal.amount import parse_usd
from a2actl.terminal.duration import parse_duration, parse_seconds
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_fields, show_json, show_table

if TYPE_CHECKING:
    from a2actl.tasks.api import TaskApi

app = typer.Typer(no_args_is_help=True, help="Submit tasks and follow them.")

app.add_typer(explain)
app.add_typer(follow)
app.add_typer(retry)


@app.command("submit")
def submit(
    context: typer.Context,
    agent: AgentId,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The message; '-' reads it from stdin.")],
    task_context: Annotated[
        str | None,
        typer.Option("--context", metavar="JSON|@FILE", help="A JSON object passed along with the message."),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Time from start to deadline, such as 5m; a bare number is ms."),
    ] = None,
    queue_timeout: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Time that it may wait to start, such as 1h; at most 7d."),
    ] = None,
    delay: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Delay before it may start, such as 2h; at most 7d.")
    ] = None,
    priority: Annotated[Priority | None, typer.Option(help="Its priority among waiting tasks.")] = None,
    lane: Annotated[
        Lane | None, typer.Option(help="batch: half the price, within a day, for agents without tools.")
    ] = None,
    max_cost_usd: Annotated[
        str | None, typer.Option(metavar="USD", help="Maximum cost, such as 0.50.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Maximum tokens.")] = None,
    max_attempts: Annotated[
        int | None, typer.Option(min=1, help="Maximum attempts, at most the agent's.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end and print the result.")] = False,
    key: Key = None,
) -> None:
    """Submit a task and print its id; with --wait its result, and exit code 1 if it was not completed."""
    new_task = {
        "message": read_message(message),
        "context": read_context(task_context),
        "timeout": read_timeout(timeout, "--timeout"),
        "queueTimeout": read_timeout(queue_timeout, "--queue-timeout"),
        "delaySeconds": None if delay is None else parse_seconds(delay, "--delay"),
        "priority": priority,
        "lane": lane,
        "maxCostUsd": None if max_cost_usd is None else float(parse_usd(max_cost_usd, "--max-cost-usd")),
        "maxTokens": max_tokens,
        "maxAttempts": max_attempts,
    }
    with connected_api(chosen_stack(context), key) as api:
        task_id: str = api.submit(agent, new_task)["taskId"]
        if not wait:
            typer.echo(task_id)
            note(f"Follow it with: a2actl tasks get {agent} {task_id}")
            return
        task = _ended(api, agent, task_id)
    view.show_end(task)
    if task["status"] != Status.COMPLETED:
        raise typer.Exit(NOT_COMPLETED)


@app.command("get")
def get(
    context: typer.Context, agent: AgentId, task: TaskId, as_json: AsJson = False, key: Key = None
) -> None:
    """Show a task, and its result if it has one."""
    with connected_api(chosen_stack(context), key) as api:
        found = api.get(agent, task)
    if as_json:
        show_json(found)
        return
    show_fields(view.fields(found))
    if "output" in found:
        view.show_result(found["output"])


@app.command("list")
def list_tasks(
    context: typer.Context,
    agent: AgentId,
    status: Annotated[Status | None, typer.Option(help="Only tasks in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number.")] = 20,
    as_json: AsJson = False,
    key: Key = None,
) -> None:
    """List an agent's tasks, newest first."""
    with connected_api(chosen_stack(context), key) as api:
        found = api.newest(agent, status.value if status else None, limit)
    if as_json:
        show_json(found)
        return
    show_table(
        ("TASK", "STATUS", "CREATED", "ENDED", "PROBLEM"),
        [
            (
                task["taskId"],
                task["status"],
                task["createdAt"],
                task.get("completedAt", "–"),
                task.get("errorDetails", {}).get("code", "–"),
            )
            for task in found
        ],
    )


@app.command("cancel")
def cancel(context: typer.Context, agent: AgentId, task: TaskId, key: Key = None) -> None:
    """Cancel a task that has not ended."""
    with connected_api(chosen_stack(context), key) as api:
        answer = api.cancel(agent, task)
    typer.echo(f"{answer['taskId']}: {answer['status']}. {answer['message']}")


def read_message(given: str) -> str:
    """The message, from stdin if it is ``-``. Raises ``Fault`` if it is no text."""
    try:
        text = sys.stdin.read() if given == "-" else given
        text.encode()
    except UnicodeError:
        raise Fault("MESSAGE is not UTF-8 text; convert it first, for example with iconv.") from None
    if is_blank(text):
        raise Fault("MESSAGE is blank; describe the task.")
    return text


def read_context(given: str | None) -> dict[str, Any] | None:
    """The object in the text, or in the file after ``@``. Raises ``Fault``."""
    if given is None:
        return None
    try:
        text = Path(given[1:]).read_text("utf-8") if given.startswith("@") else given
        context = json.loads(text, parse_constant=_no_constant)
        json.dumps(context, ensure_ascii=False).encode()
    except OSError as error:
        raise Fault(f"--context: {given[1:]} cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise Fault(f"--context takes a JSON object, or @ and a file that contains one: {error}.") from None
    if not isinstance(context, dict):
        raise Fault('--context takes a JSON object such as {"month": "2025-03"}; this JSON is not an object.')
    return context


def read_timeout(given: str | None, option: str) -> int | None:
    """Milliseconds. Raises ``Fault``."""
    if given is None:
        return None
    return parse_duration(f"{given}ms" if given.isdecimal() else given, option)


def _ended(api: "TaskApi", agent: str, task_id: str) -> dict[str, Any]:
    from a2actl.tasks.api import Unreachable
    from a2actl.tasks.waiting import Waiting, progress

    follow = f"The task continues; follow it with: a2actl tasks get {agent} {task_id}"
    try:
        with progress(task_id) as show:
            return Waiting().for_end(lambda: api.get(agent, task_id), show)
    except Unreachable as error:
        raise Fault(f"{error}\n{follow}") from error
    except KeyboardInterrupt:
        note(follow)
        raise typer.Exit(INTERRUPTED) from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
