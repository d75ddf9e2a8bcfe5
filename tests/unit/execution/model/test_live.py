"""What a task says while it is at it reaches those who watch, in small writes, and never stops the work."""

from itertools import pairwise
from typing import Any

import pytest

from a2a_tasks.conversations.follow import Follower
from a2a_tasks.domain.task import Progress, Task
from a2a_tasks.execution.model.live_output import CHUNK_CHARACTERS, EVERY_SECONDS
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.ports.model import ModelReply
from a2a_tasks.tasks.live_text import snapshot
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Failpoints
from tests.twins.model import USAGE, Partly, Step, after, answer, uses


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def saying(deployment: Deployment, seconds: float, text: str, then: ModelReply) -> Partly:
    """A turn that has said this at once, and goes on for so long."""
    step: Step = after(deployment.clock, seconds, then)
    return Partly(text, step)


def test_nothing_is_written_of_a_task_that_nobody_watches(deployment: Deployment) -> None:
    deployment.model.then(saying(deployment, 60, "So far", answer("So far so good.")))
    deployment.submit()

    deployment.work()

    assert deployment.live.appended == []


def watch(deployment: Deployment, task: Task) -> None:
    """Somebody begins to follow it."""
    follower = Follower(deployment.store, deployment.live, deployment.finalizer(), deployment.clock.advance)
    next(follower.follow(task, 0, deployment.clock.now()))


def test_a_watched_task_can_be_read_while_it_speaks(deployment: Deployment) -> None:
    deployment.model.then(saying(deployment, 60, "So far", answer("So far so good.")))
    task = deployment.submit(live=True)

    deployment.work()

    assert snapshot(deployment.live.chunks(task.ref.task_id)).text == "So far"
    assert len(deployment.live.appended) == 1, "what has not changed is not written again"


def test_a_task_that_is_watched_later_is_written_from_the_next_heartbeat_on(deployment: Deployment) -> None:
    deployment.model.then(saying(deployment, 60, "So far", answer()))
    task = deployment.submit()
    deployment.model.watchers.append(lambda _: watch(deployment, task))

    deployment.work()

    assert snapshot(deployment.live.chunks(task.ref.task_id)).text == "So far"


def test_a_long_text_comes_in_small_writes_two_seconds_apart(deployment: Deployment) -> None:
    text = "".join(chr(0x4E00 + number % 500) for number in range(3 * CHUNK_CHARACTERS + 7))
    deployment.model.then(saying(deployment, 60, text, answer()))
    task = deployment.submit(live=True)
    moments: list[int] = []
    points = Failpoints()
    for call in range(1, 5):
        points.before("live.append", lambda: moments.append(deployment.clock.now()), call=call)

    deployment.work(points)

    assert all(later - earlier >= 2_000 for earlier, later in pairwise(moments))
    assert snapshot(deployment.live.chunks(task.ref.task_id)).text == text
    assert [len(chunk.text) for chunk in deployment.live.appended] == [CHUNK_CHARACTERS] * 3 + [7]


def test_the_rest_of_a_turn_comes_before_the_next_turn(deployment: Deployment) -> None:
    first = uses(("Read", {"path": "notes.md"}), text="Let me look at the notes.")
    deployment.model.then(
        saying(deployment, EVERY_SECONDS + 1, "Let me look", first),
        saying(deployment, 60, "The notes say", answer("The notes say nothing.")),
    )
    deployment.registry.apply(agent(allowed_tools=("Read",)))
    task = deployment.submit(live=True)

    deployment.work()

    seen = snapshot(deployment.live.chunks(task.ref.task_id))
    assert seen.text == "Let me look at the notes.\n\nThe notes say"
    assert seen.progress.tool == "Read"


def test_a_turn_that_is_tried_again_is_not_mixed_with_its_first_try() -> None:
    chunks = [
        LiveChunk(1, 1, 0, "The answer is "),
        LiveChunk(1, 1, 1, "forty"),
        LiveChunk(1, 2, 0, "It is ", Progress(step="Thinking")),
        LiveChunk(1, 2, 1, "42.", Progress(step="Writing")),
    ]

    assert snapshot(chunks).text == "It is 42."
    assert snapshot(chunks).progress.step == "Writing"
    assert snapshot([]).text == ""


def test_updates_are_kept_apart_from_the_text(deployment: Deployment) -> None:
    content: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "I read the notes.", "signature": "S"},
        {"type": "tool_use", "id": "call-1", "name": "Read", "input": {"file_path": "notes.md"}},
    ]
    first = ModelReply(content, "", "tool_use", USAGE)
    waiting = after(deployment.clock, EVERY_SECONDS + 1, first)
    deployment.model.then(
        Partly("", waiting, updates="I read"),
        Partly(
            "The notes", after(deployment.clock, 60, answer("The notes say nothing.")), updates="I write."
        ),
    )
    deployment.registry.apply(agent(allowed_tools=("Read",), model="claude-sonnet-5-5"))
    task = deployment.submit(live=True)

    deployment.work()

    seen = snapshot(deployment.live.chunks(task.ref.task_id))
    assert (seen.text, seen.updates) == ("The notes", "I read the notes.\n\nI write.")
    assert seen.progress.step == "I read the notes."
    assert deployment.now_of(task).progress.step == "I read the notes."


def test_a_store_that_does_not_answer_stops_nothing(deployment: Deployment) -> None:
    deployment.model.then(saying(deployment, 60, "So far", answer("So far so good.")))
    task = deployment.submit(live=True)
    points = Failpoints()
    points.fail("live.append", StoreUnavailable("no answer"))
    points.fail("live.append", StoreUnavailable("lost answer"), call=2, after=True)

    deployment.work(points)

    assert deployment.now_of(task).status == "completed"
    assert snapshot(deployment.live.chunks(task.ref.task_id)).text == "So far"


def test_nobody_can_watch_a_task_that_has_ended(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.work()

    deployment.store.enable_live(task.ref)

    assert not deployment.now_of(task).live
