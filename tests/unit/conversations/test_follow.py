"""Whoever follows a task gets its events in order and what it says, until it has ended or asks."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from a2a_tasks.conversations.follow import Follower, FollowUpdate
from a2a_tasks.conversations.live_reader import TextUpdate
from a2a_tasks.domain.history.event import NumberedEvent
from a2a_tasks.domain.schedule import BATCH_LOOK_MS, SOON_MS
from a2a_tasks.domain.task import Lane, Status, Task
from a2a_tasks.ports.live import LiveChunk
from tests.twins.clock import START_MS as NOW
from tests.twins.deployment import Deployment, agent
from tests.twins.model import answer, uses

HOUR_MS = 3_600_000


class Meanwhile:
    """What happens in each pause of a follower, in order; then nothing but time."""

    def __init__(self, deployment: Deployment, *steps: Callable[[], object]) -> None:
        self.deployment = deployment
        self.steps = list(steps)

    def __call__(self, seconds: float) -> None:
        self.deployment.clock.advance(seconds)
        if self.steps:
            self.steps.pop(0)()


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def follow(
    deployment: Deployment,
    task: Task,
    *meanwhile: Callable[[], object],
    after: int = 0,
    for_ms: int = HOUR_MS,
) -> Iterator[FollowUpdate | None]:
    pause = Meanwhile(deployment, *meanwhile)
    follower = Follower(deployment.store, deployment.live, deployment.finalizer(), pause)
    return follower.follow(task, after, deployment.clock.now() + for_ms)


def statuses(updates: list[FollowUpdate | None]) -> list[str]:
    told = [event.details for update in updates if update for event in update.events]
    return [details["status"] for details in told if "status" in details]


def test_a_task_is_followed_from_its_creation_to_its_end(deployment: Deployment) -> None:
    task = deployment.submit()

    updates = list(follow(deployment, task, lambda: None, deployment.work))

    assert statuses(updates) == ["pending", "running", "completed"]
    assert updates[1] is None, "a second without news"
    assert [update.is_last for update in updates if update] == [False, True]


def test_two_followers_see_the_same_events_in_the_same_order(deployment: Deployment) -> None:
    deployment.registry.apply(agent(allowed_tools=("Read", "ask_user")))
    deployment.model.then(uses(("Read", {"path": "a"})), uses(("ask_user", {"question": "Which year?"})))
    task = deployment.submit()
    from_the_start = list(follow(deployment, task, deployment.work))
    later = list(follow(deployment, task))

    def seen(updates: list[FollowUpdate | None]) -> list[NumberedEvent]:
        return [event for update in updates if update for event in update.events]

    assert seen(from_the_start) == seen(later)
    assert [event.number for event in seen(later)] == [n + 1 for n in range(len(seen(later)))]
    assert from_the_start[-1] is not None
    assert from_the_start[-1].task.status is Status.INPUT_REQUIRED


def test_a_cursor_leaves_out_what_was_seen(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.work()

    assert statuses(list(follow(deployment, task, after=2))) == ["completed"]


def test_an_ended_task_gives_one_update_and_is_not_watched(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.work()

    (update,) = follow(deployment, deployment.now_of(task), after=3)

    assert update is not None
    assert (update.events, update.is_last, update.task.live) == ([], True, False)


def test_what_is_said_comes_as_it_grows(deployment: Deployment) -> None:
    task = deployment.submit()

    def say(turn: int, fence: int, number: int, text: str) -> Callable[[], None]:
        chunk = LiveChunk(turn, fence, number, text)
        return lambda: deployment.live.append(task.ref.task_id, chunk, 0)

    updates = list(
        follow(deployment, task, say(1, 1, 0, "It is "), say(1, 1, 1, "forty"), say(1, 2, 0, "It was 42."),
               deployment.work)
    )  # fmt: skip

    texts = [update.text for update in updates if update and update.text]
    assert texts == [TextUpdate(0, "It is "), TextUpdate(6, "forty"), TextUpdate(3, "was 42.")]


def test_each_piece_is_read_once_and_the_newest_again(deployment: Deployment) -> None:
    task, pieces = deployment.submit(), 100

    def say(number: int) -> Callable[[], None]:
        return lambda: deployment.live.append(task.ref.task_id, LiveChunk(1, 1, number, f"{number} "), 0)

    updates = list(follow(deployment, task, *(say(number) for number in range(pieces)), deployment.work))

    said = "".join(update.text.text for update in updates if update and update.text)
    assert said == "".join(f"{number} " for number in range(pieces))
    assert deployment.live.read <= 2 * pieces, "not the whole text with each piece"


def test_a_piece_that_is_written_again_with_more_text_is_heard(deployment: Deployment) -> None:
    """Its first write was done, and its answer was lost."""
    task = deployment.submit()

    def say(number: int, text: str) -> Callable[[], None]:
        return lambda: deployment.live.append(task.ref.task_id, LiveChunk(1, 1, number, text), 0)

    steps = say(0, "It"), say(0, "It is"), say(1, " forty"), say(1, " forty-two"), deployment.work
    updates = list(follow(deployment, task, *steps))

    assert "".join(update.text.text for update in updates if update and update.text) == "It is forty-two"


def test_while_text_flows_it_is_looked_at_every_second(deployment: Deployment) -> None:
    deployment.registry.apply(agent(timeout_ms=1_800_000))
    task = deployment.claim(deployment.submit())
    deployment.clock.advance(600)
    begun, heard, silent = deployment.clock.now(), 30, 60
    for second in range(0, heard, 2):
        chunk = LiveChunk(1, 1, second, f"{second} ")
        deployment.clock.later(second, partial(deployment.live.append, task.ref.task_id, chunk, 0))

    looked_at = [
        (deployment.clock.now() - begun) / 1000
        for _ in follow(deployment, task, for_ms=(heard + silent) * 1000)
    ]

    pauses = [later - earlier for earlier, later in pairwise(looked_at) if earlier > 5]
    assert max(pauses[: heard - 5]) <= 1.0
    assert len(pauses[heard:]) < silent / 3, "and seldom when it is over"


def test_a_task_that_is_followed_is_watched(deployment: Deployment) -> None:
    task = deployment.submit()

    next(follow(deployment, task))

    assert deployment.now_of(task).live


def test_following_ends_when_its_time_is_over(deployment: Deployment) -> None:
    task = deployment.submit()
    begun = deployment.clock.now()

    updates = list(follow(deployment, task, for_ms=5_000))

    assert deployment.clock.now() - begun == 5_000
    assert updates[1:]
    assert set(updates[1:]) == {None}, "looks without news"


def test_a_deadline_that_passes_is_an_end(deployment: Deployment) -> None:
    deployment.model.then(answer())
    task = deployment.submit(queue_timeout_ms=3_000)

    updates = list(follow(deployment, task))

    assert statuses(updates) == ["pending", "failed"]


def test_updates_come_apart_from_the_text(deployment: Deployment) -> None:
    task = deployment.submit()

    def write(number: int, text: str, updates: str) -> Callable[[], None]:
        chunk = LiveChunk(1, 1, number, text, updates=updates)
        return lambda: deployment.live.append(task.ref.task_id, chunk, 0)

    updates = list(
        follow(
            deployment,
            task,
            write(0, "", "I read"),
            write(1, "It is", " the notes."),
            write(2, " 42.", ""),
            deployment.work,
        )
    )

    said = [(each.progress, each.text) for each in updates if each and (each.progress or each.text)]
    assert said == [
        (TextUpdate(0, "I read"), None),
        (TextUpdate(6, " the notes."), TextUpdate(0, "It is")),
        (None, TextUpdate(5, " 42.")),
    ]


@pytest.mark.parametrize(
    ("options", "rest"),
    [({"not_before": NOW + HOUR_MS}, HOUR_MS), ({"lane": Lane.BATCH}, BATCH_LOOK_MS)],
)
def test_a_task_that_cannot_start_soon_is_not_followed(
    deployment: Deployment, options: dict[str, Any], rest: int
) -> None:
    task = deployment.submit(**options)

    (update,) = follow(deployment, task)

    assert update is not None
    assert (update.idle_ms, update.is_last, statuses([update])) == (rest, True, ["pending"])
    assert deployment.clock.now() == NOW, "nothing was waited for"


def test_a_task_that_starts_soon_is_followed(deployment: Deployment) -> None:
    task = deployment.submit(not_before=NOW + SOON_MS)

    updates = list(follow(deployment, task, for_ms=2_000))

    assert all(update is None or update.idle_ms is None for update in updates)
    assert len(updates) > 2
