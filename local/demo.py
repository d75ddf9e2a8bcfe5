"""A demo project with an agent and a key, and one real task over HTTP."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from local.stack.local_stack import Deployment, LocalStack
from local.stall import HANG_SECONDS, StallTimeout
from local.tools import ROOT, ToolError, run_tool
from local.wecom.exchange import Exchange, Outcome
from local.wecom.people import BotUser
from local.wecom.running import running_wecom
from local.wecom_connection import connect_bot

PROJECT_ID = "demo"
AGENT_ID = "assistant"
AGENT_FILE = ROOT / "agents" / f"{AGENT_ID}.yaml"
MESSAGE = "生成一个测试报告"
TIMEOUT_MS = 300_000
CONNECTION_ID, USER, QUESTION = "wecom-demo", "LiLei", "用一句话介绍你自己"
LOGS_HINT = "The logs of the processes are in .local/processes."
API_HINT = f"See `make logs FUNCTION=api` and FUNCTION=authorizer. {LOGS_HINT}"
TASK_HINT = f"See `make logs FUNCTION=worker` and FUNCTION=sweeper. {LOGS_HINT}"
CHAT_HINT = (
    "See `make logs FUNCTION=wecom` (messages), FUNCTION=worker (the task), FUNCTION=notifier and"
    f" FUNCTION=wecom-sender (the answer). {LOGS_HINT}"
)
TERMINAL = ("completed", "failed", "canceled")


@dataclass(frozen=True)
class Access:
    """What a caller of the local stack needs. Stored in `.local/stack.json`, readable only by its owner."""

    api_url: str
    api_key: str
    agent_id: str
    project_id: str
    claude_base_url: str
    aws_endpoint_url: str

    @classmethod
    def load(cls, path: Path) -> "Access | None":
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")


def prepare(stack: LocalStack, deployment: Deployment, path: Path) -> Access:
    """Apply the demo agent and create a key, unless the one in `path` still works. Writes `path`.

    Raises ToolError if a2actl fails.
    """
    with stack.progress.step(f"Apply the agent “{AGENT_ID}” of the project “{PROJECT_ID}”"):
        run_a2actl(stack, "agents", "apply", str(AGENT_FILE), "--project", PROJECT_ID)
    known = Access.load(path)
    api_key = known.api_key if known is not None and _is_accepted(deployment, known.api_key) else None
    if api_key is None:
        with stack.progress.step("Create an API key"):
            api_key = json.loads(run_a2actl(stack, "keys", "create", "--project", PROJECT_ID))["key"]
    access = Access(
        api_url=deployment.api_url,
        api_key=api_key,
        agent_id=AGENT_ID,
        project_id=PROJECT_ID,
        claude_base_url=stack.claude.base_url,
        aws_endpoint_url=stack.endpoint_url,
    )
    access.save(path)
    return access


def run_a2actl(stack: LocalStack, *arguments: str) -> str:
    """The output of `a2actl` for this stack. Raises ToolError with its messages if it fails."""
    command = [str(Path(sys.executable).with_name("a2actl")), "--stack", stack.stack_name, *arguments]
    return run_tool(command, stack.command_environment, seconds=HANG_SECONDS)


def run_task(access: Access, console: Console, stall: StallTimeout | None = None) -> Mapping[str, Any]:
    """Post the demo task, show its states as they change, and return it once it has ended.

    Raises ToolError if the API refuses it or it makes no progress.
    """
    stall = stall or StallTimeout("The demo task", TASK_HINT)
    tasks_url = f"{access.api_url}/a2a/{access.agent_id}/tasks"
    console.print(f"\nPOST {tasks_url}")
    started, shown = time.monotonic(), None
    with _client(access.api_key) as http:
        task = _asked(http, "POST", tasks_url, {"message": MESSAGE, "timeout": TIMEOUT_MS})
        while True:
            if task["status"] != shown:
                shown = task["status"]
                console.print(f"  [dim]{time.monotonic() - started:6.2f} s[/dim]  {shown}")
            if shown in TERMINAL:
                return task
            # heartbeats count as progress too: Claude may think for a long time
            stall.saw(f"{task['taskId']} was {shown}, updated at {task.get('updatedAt', 'its creation')}")
            stall.wait()
            task = _asked(http, "GET", f"{tasks_url}/{task['taskId']}")


def _asked(
    http: httpx.Client, method: str, url: str, body: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """The API's response. Raises ToolError if it is an error, or there is none."""
    try:
        answer = http.request(method, url, json=body)
    except httpx.HTTPError as error:
        raise ToolError(f"{method} {url} failed: {error!r}\n{API_HINT}") from error
    if answer.is_error:
        raise ToolError(f"{method} {url} returned {answer.status_code}: {answer.text}\n{API_HINT}")
    said: Mapping[str, Any] = answer.json()
    return said


def show_result(task: Mapping[str, Any], stack: LocalStack, console: Console) -> None:
    if task["status"] == "completed":
        console.print(f"\n[bold]Result of the task “{MESSAGE}”[/bold]")
        console.print(task["output"]["result"], markup=False, highlight=False)
        console.print(f"\nUsed: {_usage(task['usage'])}.", highlight=False)
    else:
        console.print(f"\n[red]The task ended as {task['status']}:[/red]")
        console.print(json.dumps(task.get("errorDetails", {}), ensure_ascii=False), markup=False)
    if stack.claude.is_stand_in:
        console.print(
            "\n[yellow]The answer is not Claude's.[/yellow] It comes from the stand-in that is part of this "
            "repository.\nFor the real Claude, run: ANTHROPIC_API_KEY=… make run"
        )


def _usage(usage: Mapping[str, Any]) -> str:
    tokens_in = sum(usage[name] for name in ("inputTokens", "cacheReadTokens", "cacheWriteTokens"))
    tokens = f"{tokens_in} tokens in, {usage['outputTokens']} out"
    return f"{tokens}, about {usage['costUsd']:.4f} USD" if "costUsd" in usage else tokens


def run_chat(stack: LocalStack, deployment: Deployment, console: Console) -> None:
    """Let a user ask the demo agent in a double of WeCom, and show what the user sees.

    Raises ToolError if the chat ends without an answer.
    """
    with running_wecom() as wecom:
        url = connect_bot(stack, deployment, wecom, CONNECTION_ID, PROJECT_ID, AGENT_ID)
        settings = wecom.settings()
        # functions start cold here, each as a process of its own: this WeCom waits a little longer
        wecom.use(replace(settings, bot=replace(settings.bot, callback_url=url), answer_seconds=30.0))
        console.print("\n[bold]The same agent in WeCom[/bold] [dim](simulated on this machine)[/dim]")
        console.print(f"  {USER}: {QUESTION}", markup=False, highlight=False)
        begun = BotUser(wecom, USER).say(QUESTION)
        ended = show_chat(
            lambda: wecom.exchange(begun.id), console, StallTimeout("The chat in WeCom", CHAT_HINT)
        )
    if ended.outcome != Outcome.DONE:
        raise ToolError(f"The chat in WeCom ended as {ended.outcome}.\n{CHAT_HINT}")


def show_chat(look: Callable[[], Exchange], console: Console, stall: StallTimeout) -> Exchange:
    """Show the bot's text as it changes, and return the exchange once it has ended. Raises ToolError if it
    makes no progress."""
    shown = ""
    while True:
        exchange = look()
        if exchange.shown != shown:
            shown = exchange.shown
            text = shown.replace("\n", "\n       ")
            console.print(f"  bot: {text}", markup=False, highlight=False)
        if exchange.ended_at is not None:
            return exchange
        stall.saw(f"the bot said “{shown}”" if shown else "no answer of the bot")
        stall.wait()


def show_next_steps(access: Access, task: Mapping[str, Any], path: Path, console: Console) -> None:
    shown_path = os.path.relpath(path)
    lines = (
        "\nContinue with:\n",
        f"API={access.api_url}",
        f"AGENT={access.agent_id}",
        f'KEY=$(sed -n \'s/.*"api_key": "\\(.*\\)".*/\\1/p\' {shown_path})',
        f"TASK={task['taskId']}",
        'curl -X POST "$API/a2a/$AGENT/tasks" -H "Authorization: Bearer $KEY" '
        '-H "Content-Type: application/json" \\',
        f"     -d '{json.dumps({'message': MESSAGE, 'timeout': TIMEOUT_MS}, ensure_ascii=False)}'",
        'curl "$API/a2a/$AGENT/tasks/$TASK" -H "Authorization: Bearer $KEY"',
        f'uv run a2actl tasks submit {access.agent_id} "{MESSAGE}" --wait',
        f"\nOr open it in a browser: {access.api_url}/console, with that key.",
        "\nThe stack keeps running. `make logs` shows the functions' logs, `make stop` stops it.",
    )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _is_accepted(deployment: Deployment, api_key: str) -> bool:
    url = f"{deployment.api_url}/a2a/{AGENT_ID}/tasks"
    with _client(api_key) as http:
        try:
            return http.get(url, params={"limit": "1"}).status_code == httpx.codes.OK
        except httpx.HTTPError as error:
            raise ToolError(f"GET {url} failed: {error!r}\n{API_HINT}") from error


def _client(api_key: str) -> httpx.Client:
    # A proxy set in the environment must not be used for this machine.
    return httpx.Client(
        headers={"Authorization": f"Bearer {api_key}"}, timeout=HANG_SECONDS / 2, trust_env=False
    )
