"""Calls of AWS that fail on the wire, of every service, while tasks of all kinds run: none is lost, none is
done or paid for twice, none is stuck, at each share of calls that fail.

It has a stack of its own, whose functions reach AWS by the proxy of `local/faults/proxy.py`. The event
sources of the emulator do not: they are inside of it.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.deployed import TERMINAL, Deployed, Project, make_project, wait_until
from local.faults.client import SERVICES, Faults
from local.faults.client import Kind as Fault
from local.stack.local_stack import LocalStack
from local.standin.client import StandInClient
from tests.e2e.conftest import AGENTS, PARAMETERS, discard
from tests.e2e.test_agent_loop import script, tool
from tests.e2e.test_webhooks import Receiver, hook, receiving

SHARES = (0.01, 0.05, 0.20)
TASKS = int(os.environ.get("FAULT_TASKS", "10"))
"""At each share: one of each kind, or as many as `make faults` has."""
CALLERS = 25
PATIENCE_SECONDS = 420
"""For the tasks of one share, whose own timeout is ten minutes. What the sweeper has to send again, and that
fails too, takes more than three."""


@dataclass(frozen=True)
class Kind:
    """What a task does: what the model says, the replies that come of it, and how it may end."""

    steps: tuple[str, ...]
    turns: int | None
    ends: frozenset[str] = frozenset({"completed"})
    messages: int = 1


KINDS = {
    "one turn": Kind(("delay=1; say=done",), 1),
    "two turns": Kind((tool("Glob", pattern="*"), "say=done"), 2),
    "three turns": Kind(
        (
            tool("Write", file_path="a.md", content="a"),
            tool("save_artifact", name="a.md", media_type="text/markdown", content="a"),
            "say=done",
        ),
        3,
    ),
    "long": Kind(("size=200000",), 1),
    "told": Kind(("delay=1; say=done",), 1),
    "parent": Kind(("{call}", "say=done"), 3),  # with the child's own
    "canceled": Kind(("size=4000; ping",), None, frozenset({"canceled", "completed"})),
    "conversation": Kind(("say=done", "say=done"), 2, messages=2),
}
ORDER = (*KINDS, "two turns", "told")


@dataclass(frozen=True)
class Asked:
    """What a caller wants; its marker is in the first text of all its model calls."""

    kind: str
    marker: str
    messages: tuple[str, ...]

    @classmethod
    def of(cls, share: float, number: int, agent_id: str) -> "Asked":
        kind, marker = ORDER[number % len(ORDER)], f"wire-{share:g}-{number}-"
        call = tool("call_agent", agent=agent_id, message=f"{script('say=done')} {marker}")
        first = f"{script(*KINDS[kind].steps).replace('{call}', call)} {marker}"
        return cls(kind, marker, (first, *["and on"] * (KINDS[kind].messages - 1)))


@dataclass(frozen=True)
class Done:
    """What became of it: its last task as it is now, and the ids of all that were accepted for it."""

    asked: Asked
    task: dict[str, Any]
    task_ids: tuple[str, ...]


@pytest.fixture(scope="module")
def faulty(request: pytest.FixtureRequest) -> Iterator[Project]:
    """A project of a stack on which nothing fails yet."""
    folder = Path(tempfile.mkdtemp(prefix="a2a-tasks-faults-"))
    stack = LocalStack.separate(folder, PARAMETERS, has_faults=True, forks_functions=True)
    try:
        deployment = stack.up()
        standin = StandInClient(f"http://127.0.0.1:{stack.ports.stand_in}")
        yield make_project(Deployed(stack, deployment, standin), "wire", AGENTS)
    finally:
        discard(stack, has_failed=bool(request.session.testsfailed))


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", SHARES)
def test_no_task_is_lost_doubled_or_stuck(faulty: Project, receiver: Receiver, share: float) -> None:
    faults = Faults(faulty.deployed.stack.faults_url)
    agent_id = faulty.id_of("toolbox")
    known = task_ids(faulty, agent_id)
    all_asked = [Asked.of(share, number, faulty.agent_id) for number in range(TASKS)]
    until = time.monotonic() + PATIENCE_SECONDS
    faults.set(share)
    try:
        with ThreadPoolExecutor(CALLERS) as callers:
            done = list(callers.map(lambda asked: do(faulty, asked, agent_id, receiver, until), all_asked))
    finally:
        faults.clear()

    assert [one for one in done if one.task["status"] not in KINDS[one.asked.kind].ends] == []
    accepted = [task_id for one in done for task_id in one.task_ids]
    assert sorted(task_ids(faulty, agent_id) - known) == sorted(accepted), "each was made once"
    bought = {one.asked: finished_turns(faulty, one.asked.marker) for one in done}
    wrong = {asked: turns for asked, turns in bought.items() if KINDS[asked.kind].turns not in (None, turns)}
    assert wrong == {}, "each finished turn was paid for once"
    told = {task_id for one in done if one.asked.kind == "told" for task_id in one.task_ids}
    wait_until(lambda: told <= told_of(receiver), PATIENCE_SECONDS, "the end of each task told")


def test_news_that_was_not_queued_is_queued_later(faulty: Project, receiver: Receiver) -> None:
    """While SQS takes no message the notifier has Lambda bring the records of the stream again."""
    deployed, faults = faulty.deployed, Faults(faulty.deployed.stack.faults_url)
    told = hook(receiver)
    accepted = faulty.submit("[[standin: delay=5; say=done]] wire-late", pushNotificationConfig=told)
    wait_until(lambda: accepted["taskId"] in told_of(receiver, "working"), 60, "the start told")
    since = deployed.now()
    faults.set(1.0, kinds=[Fault.FAILED], services=["sqs"])
    try:
        unsent = "notification not queued"
        wait_until(
            lambda: any(unsent in line for line in deployed.stack.logged("notifier", since)),
            60,
            "the notifier's failure",
        )
        assert accepted["taskId"] not in told_of(receiver)
    finally:
        faults.clear()

    wait_until(lambda: accepted["taskId"] in told_of(receiver), 60, "the end told")


def test_a_table_that_turns_calls_away_is_waited_out(faulty: Project) -> None:
    """docs/runbook/tables-throttled.md: errors name it, and when it is over all goes on; nothing is bought
    twice."""
    deployed, faults = faulty.deployed, Faults(faulty.deployed.stack.faults_url)
    accepted = faulty.submit("[[standin: delay=3; say=done]] wire-throttled")
    wait_until(lambda: deployed.calls("wire-throttled"), 60, "the call of the model")
    since = deployed.now()
    faults.set(1.0, kinds=[Fault.THROTTLED], services=["dynamodb"])
    try:
        wait_until(
            lambda: any('"level":"ERROR"' in line for line in deployed.stack.logged("worker", since)),
            60,
            "an error of the worker",
        )
        assert faults.fired()["dynamodb"]
    finally:
        faults.clear()

    assert faulty.wait(accepted, seconds=180)["status"] == "completed"
    assert finished_turns(faulty, "wire-throttled") == 1


def test_calls_of_every_service_have_failed(faulty: Project) -> None:
    """Of those before; with few tasks, those of the services that each of them calls often."""
    fired = Faults(faulty.deployed.stack.faults_url).fired()
    expected = {"dynamodb", "sqs"} if TASKS < 100 else SERVICES.keys() - {"lambda"}  # no caller has waited
    assert {service for service, times in fired.items() if times} >= expected


def do(project: Project, asked: Asked, agent_id: str, receiver: Receiver, until: float) -> Done:
    """Ask for a task as a caller does who repeats what was not answered, and wait for its end."""
    accepted, task = [], {}
    body: dict[str, Any] = {"sessionId": asked.marker} if len(asked.messages) > 1 else {}
    if asked.kind == "told":
        body["pushNotificationConfig"] = hook(receiver)
    for n, message in enumerate(asked.messages):
        key = {"Idempotency-Key": f"{asked.marker}{n}"}
        answer = project.request_with_retries(
            "POST", f"/a2a/{agent_id}/tasks", json=body | {"message": message}, headers=key
        )
        assert answer.status_code == 202, answer.text
        path = answer.json()["checkUrl"]
        accepted.append(answer.json()["taskId"])
        if asked.kind == "canceled":
            project.request_with_retries("DELETE", path)
        while (task := project.request_with_retries("GET", path).json())["status"] not in TERMINAL:
            if time.monotonic() > until:
                break
            time.sleep(1)
    return Done(asked, task, tuple(accepted))


def task_ids(project: Project, agent_id: str) -> set[str]:
    return {task["taskId"] for task in project.tasks(agent_id)}


def finished_turns(project: Project, marker: str) -> int:
    """How many replies were paid for."""
    return sum(call.outcome == "completed" for call in project.deployed.calls(marker))


def told_of(receiver: Receiver, state: str = "completed") -> set[str]:
    """The ids of the tasks of which this has come."""
    return {
        request.task.get("id") or request.task["taskId"]
        for request in receiver.requests
        if request.state == state
    }
