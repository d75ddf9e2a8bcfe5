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
from tests.unit.promise.crash_stories import ANSWER, NOTES, REPORT, STORIES, TURN_SECONDS
from tests.unit.promise.crash_telling import SWEEP_SECONDS, Telling
from tests.unit.promise.promise_checks import check_told

pytestmark = pytest.mark.slow

RECOVERY_SECONDS = max(LEASE_SECONDS + CLOCKS_APART_MS / 1000, CHILD_CHECK_MS / 1000) + SWEEP_SECONDS
"""If nothing comes back by itself: until the sweeper has noticed."""


def tell(name: str, crash_at: int | None = None, *, crash_after: bool = False) -> Telling:
    telling = Telling(STORIES[name], Failpoints(crash_at=crash_at, crash_after=crash_after))
    telling.tell()
    return telling


CALLS = {name: tell(name).points.calls for name in STORIES}
DEATHS = [
    pytest.param(name, call, crash_after, id=f"{name}-{'after' if crash_after else 'before'}-{call}")
    for name in STORIES
    for call in range(1, CALLS[name].total() + 1)
    for crash_after in (False, True)
]


def test_the_stories_call_every_port() -> None:
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


@pytest.mark.parametrize("name", STORIES)
def test_without_a_death_nothing_is_bought_twice_and_no_tool_is_interrupted(name: str) -> None:
    telling = tell(name)
    assert telling.died_at is None
    assert telling.deployment.model.bought == telling.story.replies
    assert_told(name, telling)


@pytest.mark.parametrize(("name", "crash_at", "crash_after"), DEATHS)
def test_every_task_completes_once_wherever_a_process_dies(
    name: str, crash_at: int, crash_after: bool
) -> None:
    telling = tell(name, crash_at, crash_after=crash_after)
    assert telling.died_at is not None
    assert_told(name, telling)
    for task in telling.deployment.store.tasks.values():
        assert task.completed_at is not None
        latest = RECOVERY_SECONDS + (telling.story.replies + 1) * TURN_SECONDS
        assert task.completed_at - telling.died_at <= latest * 1_000


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


def assert_told(name: str, telling: Telling) -> None:
    """What is true at the end of every telling, with a death in it or without."""
    deployment = telling.deployment
    for task in deployment.store.tasks.values():
        assert task.status is Status.COMPLETED
        assert deployment.store.finishes[task.ref] == 1
        assert task.attempt <= MAX_ATTEMPTS
    for change in deployment.store.changes:
        if change.before is None or not change.before.is_terminal:
            check_told(change)
    for ref, seen in telling.seen.items():
        told = events_view(deployment.tasks().events("demo", ref.agent_id, ref.task_id, 0, 500))
        assert seen == told["events"], "who followed it has missed nothing, and seen nothing twice"
    assert_each_turn_was_bought_once(telling)
    assert_each_request_extends_the_one_before(telling)
    assert_tools_ran_once(telling)
    ENDS[name](telling)
    assert_nothing_is_left(deployment)


def assert_each_turn_was_bought_once(telling: Telling) -> None:
    """But for a reply that the dead process had not saved: that turn was bought a second time."""
    asked = telling.deployment.model.asked
    kept = Counter(one.message for one in asked if one.reply is not None and telling.is_saved(one))
    lost = Counter(one.message for one in telling.lost)
    assert sum(kept.values()) == telling.story.replies
    assert telling.deployment.model.bought == sum(kept.values()) + sum(lost.values())
    for task in telling.deployment.store.tasks.values():
        message = telling.message(task)
        assert lost[message] <= 1, "only the turn under way can be lost"
        own = total(spent for spent in task.spent if spent.task_id is None)
        assert kept[message] <= own.turns <= kept[message] + lost[message]


def assert_each_request_extends_the_one_before(telling: Telling) -> None:
    earlier: dict[str, list[object]] = {}
    prompts: dict[str, object] = {}
    for asked in telling.deployment.model.asked:
        before, now = earlier.get(asked.message, []), asked.request.messages
        assert now[: len(before)] == before
        earlier[asked.message] = list(now)
        assert prompts.setdefault(asked.message, asked.request.prompt) == asked.request.prompt


def assert_tools_ran_once(telling: Telling) -> None:
    """Those that may do harm: the one under way at the death is reported as interrupted, and no other."""
    interrupted = set()
    for task in telling.deployment.store.tasks.values():
        for key, document in telling.records(task).items():
            if document.get("text") == INTERRUPTED:
                assert document["isError"] is True
                interrupted.add(key)
    assert interrupted == telling.started
    assert all(count == 1 for count in Counter(telling.deployment.workspaces.calls).values())


def assert_nothing_is_left(deployment: Deployment) -> None:
    """No message, no slot, no place in line, nothing to sweep."""
    for _ in range(3):
        deployment.clock.advance(deployment.queue.visibility_seconds)
        deployment.work()
    assert not deployment.queue.messages
    assert not deployment.sweep().looked_at
    assert not [held for held in deployment.slot_store.held.values() if held]
    assert not [line for line in deployment.slot_store.lines.values() if line]


# -- how each story ends


def results(telling: Telling, message: str) -> list[str]:
    """The texts of the tool results that a task's last request held."""
    last = [asked for asked in telling.deployment.model.asked if asked.message == message][-1]
    users = [turn["content"] for turn in last.request.messages if turn["role"] == "user"]
    return [block["content"] for content in users for block in content if block["type"] == "tool_result"]


def output_of(telling: Telling, task: Task) -> dict[str, Any]:
    """A task's output as a caller sees it."""
    wire = telling.deployment.shown(task)
    output: dict[str, Any] = wire["output"]
    return output


def assert_answers(telling: Telling) -> None:
    for task in telling.deployment.store.tasks.values():
        assert set(output_of(telling, task)) == {"result"}


def assert_tools(telling: Telling) -> None:
    task = telling.task("use tools")
    (artifact,) = task.artifacts
    assert artifact.key is not None
    assert telling.deployment.payloads.objects[artifact.key] == REPORT.encode()
    assert (task.progress.step, task.progress.percent) == ("Taking notes", 10)
    reported, written, read, edited, saved = results(telling, "use tools")
    assert reported == "Reported."
    assert saved.startswith("Saved report.md")
    if written != INTERRUPTED:
        assert NOTES in read
        assert edited in (INTERRUPTED, "Changed notes.md: 1 occurrence replaced.")


def assert_question(telling: Telling) -> None:
    assert results(telling, "ask") == [ANSWER]
    task = telling.task("ask")
    assert (task.question, task.paused_ms) == (None, None)


def assert_child(telling: Telling) -> None:
    parent, child = telling.task("delegate"), telling.task("help")
    assert len(telling.deployment.store.tasks) == 2
    assert child.parent is not None
    assert (child.parent.ref, parent.awaits) == (parent.ref, ())
    assert results(telling, "delegate") == [output_of(telling, child)["result"]]
    of_child = total(spent for spent in parent.spent if spent.task_id == child.ref.task_id)
    assert of_child == child.usage


def assert_hand_over(telling: Telling) -> None:
    task = telling.task("go on")
    assert task.fence >= 2, "it took more than one worker"
    assert task.attempt <= (1 if telling.died_at is None else 2), "which is no failed attempt"


def assert_full_slots(telling: Telling) -> None:
    assert telling.most == {Scope("writer"): 2, Scope("writer", "talk"): 1}


ENDS = {
    "single turns": assert_answers,
    "tools": assert_tools,
    "question": assert_question,
    "child": assert_child,
    "hand-over": assert_hand_over,
    "full slots": assert_full_slots,
}
