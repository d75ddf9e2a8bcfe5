"""The kinds of tasks, each with everything that AWS would deliver to the functions."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.aws_calls import LONG, PROSE, SHORT
from bench.bill.running import Running
from local.wecom.running import running_wecom
from local.wecom_connection import connect_bot
from tests.integration.support.receiver import receiving
from tests.integration.support.wecom.callbacks import refresh, to_bot

AGENT, SLOTS_AGENT, TOOLS_AGENT = "plain", "assistant", "toolbox"
"""Of bench/agents.yaml: without a limit on running tasks, with one, and with tools."""
ROUNDS = 26
"""Twice as many tasks as a process counts ahead against a key's limit of new tasks, so that few of the writes
occur by chance."""
CONNECTION = "bench-bill"
TALK_ROUNDS = 9
"""After a first one: a conversation of ten tasks, each of which is shown those before it."""
REFRESH_SECONDS = 1.0
"""How often WeCom polls for an unfinished answer, approximately (docs/wecom.md)."""
TOOLS = (
    'tool=Glob:{"pattern": "*"}; repeat=5 | tool=Write:{"file_path": "a.txt", "content": "text"}; repeat=4'
)
"""Nine turns; the tenth answers."""

type Play = Callable[[Running], None]


@dataclass(frozen=True)
class Scenario:
    """``play`` runs one task of this kind, which waits ``seconds`` for Claude on the bill, and
    ``played_seconds`` when it is played. ``waiting`` is the function whose caller waits for that time."""

    name: str
    what: str
    play: Play
    seconds: float = 30
    played_seconds: float = 0
    waiting: str | None = None
    rounds: int = ROUNDS


def echo(characters: int) -> str:
    """A message of this many characters, which the answer repeats."""
    return f"[[standin: echo]]{PROSE[:characters]}"


def task(running: Running, message: str, agent: str = AGENT, **fields: Any) -> None:
    """A task, and one poll after its end."""
    path = submit(running, message, agent, **fields)
    running.work()
    completed(running.request("GET", path).body)


def submit(running: Running, message: str, agent: str = AGENT, **fields: Any) -> str:
    """Returns the task's path."""
    path = f"/a2a/{running.project.id_of(agent)}/tasks"
    answer = running.request("POST", path, body=json.dumps({"message": message, **fields}))
    return str(answer.body["checkUrl"])


def completed(found: dict[str, Any]) -> None:
    if found["status"] != "completed":
        raise RuntimeError(f"a task was not completed: {found}")


def with_webhook(running: Running) -> None:
    """Without polls."""
    with receiving() as receiver:
        submit(running, echo(SHORT), pushNotificationConfig={"url": receiver.url})
        running.work()
        running.tell()
    if not receiver.requests:
        raise RuntimeError("no notification has come")


def waited_for(running: Running, seconds: float) -> None:
    """By `POST …/messages`."""
    ask = partial(_ask, running, f"[[standin: say=Done.; delay={seconds}]]")
    _meanwhile(running, ask)


def streamed(running: Running, seconds: float) -> None:
    """The same as a stream, whose text arrives in pieces."""
    message = f"[[standin: size={SHORT}; delay={seconds}]]"
    _meanwhile(running, partial(_ask, running, message, headers={"accept": "text/event-stream"}))


def polled_long(running: Running, seconds: float) -> None:
    """By `GET …?wait=`, requested at once. The task ends a second before the request does."""
    path = submit(running, f"[[standin: say=Done.; delay={seconds - 1}]]")
    _meanwhile(running, lambda: completed(running.request("GET", f"{path}?wait={seconds:g}").body))


def in_wecom(running: Running, seconds: float) -> None:
    """A bot answers, and WeCom polls for the text until it is complete."""
    question = f"[[standin: size={SHORT}; delay={seconds}]]"
    _wecom(running, to_bot(CONNECTION, f"m{time.time_ns()}", text={"content": question}))
    task_id = next(running.project.tasks(running.project.id_of(AGENT)))["taskId"]

    def ask() -> None:
        for _ in range(round(seconds / REFRESH_SECONDS)):
            time.sleep(REFRESH_SECONDS)
            _wecom(running, refresh(CONNECTION, task_id))

    _meanwhile(running, ask)


def together(running: Running, tasks: int, seconds: float) -> None:
    """This many tasks, executed by one worker at the same time."""
    for _ in range(tasks):
        submit(running, f"[[standin: say=Done.; delay={seconds}]]")
    running.work(tasks)


@contextmanager
def connected(running: Running) -> Iterator[None]:
    """A bot of WeCom's double, for the length of the block."""
    with running_wecom() as wecom:
        deployed = running.project.deployed
        connect_bot(
            deployed.stack,
            deployed.deployment,
            wecom,
            CONNECTION,
            running.project.project_id,
            running.project.id_of(AGENT),
        )
        yield


def _ask(running: Running, message: str, **options: Any) -> None:
    path = f"/a2a/{running.project.id_of(AGENT)}/messages"
    running.request("POST", path, "Messages", body=json.dumps({"message": message}), **options)


def _wecom(running: Running, event: dict[str, Any]) -> None:
    answer = running.invoke("Wecom", event).answer
    if answer["statusCode"] != 200:
        raise RuntimeError(f"WeCom got the response {answer}")


def _meanwhile(running: Running, ask: Callable[[], None]) -> None:
    """Run a caller's request while the worker works."""
    with ThreadPoolExecutor(1) as callers:
        asked = callers.submit(ask)
        running.work()
        asked.result()


SCENARIOS = (
    Scenario("short", "1 KB", lambda running: task(running, echo(SHORT))),
    Scenario("long", "4 KB", lambda running: task(running, echo(LONG))),
    Scenario(
        "tools",
        "ten turns with tools",
        lambda running: task(running, f"[[standin: {TOOLS} | say=done]]", TOOLS_AGENT),
    ),
    Scenario("slots", "of an agent with slots", lambda running: task(running, echo(SHORT), SLOTS_AGENT)),
    Scenario("webhook", "with a webhook", with_webhook),
    Scenario(
        "conversation",
        "in a conversation",
        lambda running: task(running, echo(SHORT), sessionId="talk"),
        rounds=TALK_ROUNDS,
    ),
    Scenario("messages", "waited for", partial(waited_for, seconds=10), 10, 10, "Messages", 1),
    Scenario("wait", "polled with ?wait=", partial(polled_long, seconds=20), 20, 20, "Api", 1),
    Scenario("stream", "as a stream", partial(streamed, seconds=60), 60, 60, "Messages", 1),
    Scenario("wecom", "in WeCom", partial(in_wecom, seconds=60), 60, 60, rounds=1),
)
