"""A process dies before and after every single call it makes. Each time every task completes, once; a saved
turn is not bought again, and a tool that may do harm does not run twice."""

from collections import Counter
from typing import Any

import pytest

from a2a_tasks.domain.lease import CLOCKS_APART_MS
from a2a_tasks.domain.schedule import CHILD_CHECK_MS
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.usage import total
from a2a_tasks.execution.agent_loop import INTERRUPTED
from a2a_tasks.ports.slots import Scope
from a2a_tasks.views.events import events_view
from tests.twins.deployment import LEASE_SECONDS, MAX_ATTEMPTS, Deployment
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import after, answer
from tests.unit.promise.crash_run import SWEEP_SECONDS, CrashRun
from tests.unit.promise.crash_scenarios import ANSWER, NOTES, REPORT, SCENARIOS, TURN_SECONDS
from tests.unit.promise.promise_checks import check_told

pytestmark = pytest.mark.slow

RECOVERY_SECONDS = max(LEASE_SECONDS + CLOCKS_APART_MS / 1000, CHILD_CHECK_MS / 1000) + SWEEP_SECONDS
"""If nothing comes back by itself: until the sweeper has noticed."""


def run(name: str, crash_at: int | None = None, *, crash_after: bool = False) -> CrashRun:
    crash_run = CrashRun(SCENARIOS[name], Failpoints(crash_at=crash_at, crash_after=crash_after))
    crash_run.run()
    return crash_run


CALLS = {name: run(name).points.calls for name in SCENARIOS}
DEATHS = [
    pytest.param(name, call, crash_after, id=f"{name}-{'after' if crash_after else 'before'}-{call}")
    for name in SCENARIOS
    for call in range(1, CALLS[name].total() + 1)
    for crash_after in (False, True)
]


def test_the_scenarios_call_every_port() -> None:
    ports = {point.partition(".")[0] for calls in CALLS.values() for point in calls}
    assert ports == {
        "store",
        "slots",
        "contexts",
        "records",
        "spend",
        "registry",
        "payloads",
        "workspace",
        "queue",
        "model",
        "workers",
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_a_death_nothing_is_bought_twice_and_no_tool_is_interrupted(name: str) -> None:
    crash_run = run(name)
    assert crash_run.died_at is None
    assert crash_run.deployment.model.bought == crash_run.scenario.replies
    assert_promise(name, crash_run)


@pytest.mark.parametrize(("name", "crash_at", "crash_after"), DEATHS)
def test_every_task_completes_once_wherever_a_process_dies(
    name: str, crash_at: int, crash_after: bool
) -> None:
    crash_run = run(name, crash_at, crash_after=crash_after)
    assert crash_run.died_at is not None
    assert_promise(name, crash_run)
    for task in crash_run.deployment.store.tasks.values():
        assert task.completed_at is not None
        latest = RECOVERY_SECONDS + (crash_run.scenario.replies + 1) * TURN_SECONDS
        assert task.completed_at - crash_run.died_at <= latest * 1_000


def test_a_worker_that_dies_in_mid_call_is_replaced_within_a_minute() -> None:
    deployment = Deployment()
    task = deployment.submit()
    deployment.model.then(after(deployment.clock, 30, Crash("SIGKILL")), answer())
    with pytest.raises(Crash):
        deployment.work()
    deployment.clock.advance(LEASE_SECONDS)
    assert deployment.work() == []
    ended = deployment.now_of(task)
    assert (ended.status, ended.attempt) == (Status.COMPLETED, 2)


def assert_promise(name: str, crash_run: CrashRun) -> None:
    """What is true at the end of every run, with a death in it or without."""
    deployment = crash_run.deployment
    for task in deployment.store.tasks.values():
        assert task.status is Status.COMPLETED
        assert deployment.store.finishes[task.ref] == 1
        assert task.attempt <= MAX_ATTEMPTS
    for change in deployment.store.changes:
        if change.before is None or not change.before.is_terminal:
            check_told(change)
    for ref, seen in crash_run.seen.items():
        told = events_view(deployment.tasks().events("demo", ref.agent_id, ref.task_id, 0, 500))
        assert seen == told["events"], "who followed it has missed nothing, and seen nothing twice"
    assert_each_turn_was_bought_once(crash_run)
    assert_each_request_extends_the_one_before(crash_run)
    assert_tools_ran_once(crash_run)
    ENDS[name](crash_run)
    assert_nothing_is_left(deployment)


def assert_each_turn_was_bought_once(crash_run: CrashRun) -> None:
    """But for a reply that the dead process had not saved: that turn was bought a second time."""
    asked = crash_run.deployment.model.asked
    kept = Counter(one.message for one in asked if one.reply is not None and crash_run.is_saved(one))
    lost = Counter(one.message for one in crash_run.lost)
    assert sum(kept.values()) == crash_run.scenario.replies
    assert crash_run.deployment.model.bought == sum(kept.values()) + sum(lost.values())
    for task in crash_run.deployment.store.tasks.values():
        message = crash_run.message(task)
        assert lost[message] <= 1, "only the turn under way can be lost"
        own = total(spent for spent in task.spent if spent.task_id is None)
        assert kept[message] <= own.turns <= kept[message] + lost[message]


def assert_each_request_extends_the_one_before(crash_run: CrashRun) -> None:
    earlier: dict[str, list[object]] = {}
    prompts: dict[str, object] = {}
    for asked in crash_run.deployment.model.asked:
        before, now = earlier.get(asked.message, []), asked.request.messages
        assert now[: len(before)] == before
        earlier[asked.message] = list(now)
        assert prompts.setdefault(asked.message, asked.request.prompt) == asked.request.prompt


def assert_tools_ran_once(crash_run: CrashRun) -> None:
    """Those that may do harm: the one under way at the death is reported as interrupted, and no other."""
    interrupted = set()
    for task in crash_run.deployment.store.tasks.values():
        for key, document in crash_run.records(task).items():
            if document.get("text") == INTERRUPTED:
                assert document["isError"] is True
                interrupted.add(key)
    assert interrupted == crash_run.started
    assert all(count == 1 for count in Counter(crash_run.deployment.workspaces.calls).values())


def assert_nothing_is_left(deployment: Deployment) -> None:
    """No message, no slot, no place in line, nothing to sweep."""
    for _ in range(3):
        deployment.clock.advance(deployment.queue.visibility_seconds)
        deployment.work()
    assert not deployment.queue.messages
    assert not deployment.sweep().looked_at
    assert not [held for held in deployment.slot_store.held.values() if held]
    assert not [line for line in deployment.slot_store.lines.values() if line]


# -- how each scenario ends


def results(crash_run: CrashRun, message: str) -> list[str]:
    """The texts of the tool results that a task's last request held."""
    last = [asked for asked in crash_run.deployment.model.asked if asked.message == message][-1]
    users = [turn["content"] for turn in last.request.messages if turn["role"] == "user"]
    return [block["content"] for content in users for block in content if block["type"] == "tool_result"]


def output_of(crash_run: CrashRun, task: Task) -> dict[str, Any]:
    """A task's output as a caller sees it."""
    wire = crash_run.deployment.shown(task)
    output: dict[str, Any] = wire["output"]
    return output


def assert_answers(crash_run: CrashRun) -> None:
    for task in crash_run.deployment.store.tasks.values():
        assert set(output_of(crash_run, task)) == {"result"}


def assert_tools(crash_run: CrashRun) -> None:
    task = crash_run.task("use tools")
    (artifact,) = task.artifacts
    assert artifact.key is not None
    assert crash_run.deployment.payloads.objects[artifact.key] == REPORT.encode()
    assert (task.progress.step, task.progress.percent) == ("Taking notes", 10)
    reported, written, read, edited, saved = results(crash_run, "use tools")
    assert reported == "Reported."
    assert saved.startswith("Saved report.md")
    if written != INTERRUPTED:
        assert NOTES in read
        assert edited in (INTERRUPTED, "Changed notes.md: 1 occurrence replaced.")


def assert_question(crash_run: CrashRun) -> None:
    assert results(crash_run, "ask") == [ANSWER]
    task = crash_run.task("ask")
    assert (task.question, task.paused_ms) == (None, None)


def assert_child(crash_run: CrashRun) -> None:
    parent, child = crash_run.task("delegate"), crash_run.task("help")
    assert len(crash_run.deployment.store.tasks) == 2
    assert child.parent is not None
    assert (child.parent.ref, parent.awaits) == (parent.ref, ())
    assert results(crash_run, "delegate") == [output_of(crash_run, child)["result"]]
    of_child = total(spent for spent in parent.spent if spent.task_id == child.ref.task_id)
    assert of_child == child.usage


def assert_hand_over(crash_run: CrashRun) -> None:
    task = crash_run.task("go on")
    assert task.fence >= 2, "it took more than one worker"
    assert task.attempt <= (1 if crash_run.died_at is None else 2), "which is no failed attempt"


def assert_full_slots(crash_run: CrashRun) -> None:
    assert crash_run.most == {Scope("writer"): 2, Scope("writer", "talk"): 1}


ENDS = {
    "single turns": assert_answers,
    "tools": assert_tools,
    "question": assert_question,
    "child": assert_child,
    "hand-over": assert_hand_over,
    "full slots": assert_full_slots,
}
