"""What changes tell, and where that goes: short, numbered from 1, and bounded."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.tasks import task_values
from a2a_tasks.domain.history import events
from a2a_tasks.domain.history.event import Event, EventType, IndexedEvent
from a2a_tasks.domain.history.events import FULL, MAX_TEXT_BYTES, UnknownEvent
from a2a_tasks.domain.task import Artifact, Payload, Progress, Status, Task, TaskRef

NOW = 1_750_000_000_000
ARTIFACT = Event(NOW, EventType.ARTIFACT, {"artifactId": "a"})
MAX_TURNS = 1_000
MAX_ITEM_BYTES = 400 * 1024


def task_with(*told: Event, attempt: int = 1, artifacts: tuple[Artifact, ...] = ()) -> Task:
    return Task(
        ref=TaskRef("writer", "01977420-dc00-7fb3-ab66-ffc86f38d952"),
        project_id="demo",
        status=Status.RUNNING,
        created_at=NOW,
        updated_at=NOW,
        deadline=NOW + 300_000,
        input=Payload(inline="{}"),
        agent_revision=1,
        model="claude-test-1",
        max_attempts=3,
        correlation_id="request-1",
        attempt=attempt,
        artifacts=artifacts,
        events=told,
    )


def told_by_worker(told: tuple[Event, ...], *more: Event) -> tuple[Event, ...]:
    for event in more:
        told = events.with_event(told, events.indexed(told, event))
    return told


def ids_of(task: Task, after: int = 0, limit: int = 10_000) -> list[int]:
    return [event.number for event in events.events_after(task, after, limit).events]


def test_a_turn_names_each_tool_once() -> None:
    event = events.turn(NOW, 3, ["Read", "Write", "Read"])

    assert event == Event(NOW, EventType.TURN, {"turn": 3, "tools": ["Read", "Write"]})


def test_a_turn_without_tools_names_none() -> None:
    assert events.turn(NOW, 1, []).details == {"turn": 1}


@given(st.lists(st.text(max_size=200), max_size=40), st.text(max_size=300))
def test_what_is_told_is_short_however_long_the_names_are(names: list[str], step: str) -> None:
    tools = events.turn(NOW, 1, names).details.get("tools", [])
    reported = events.reported((), NOW, Progress(step=step, percent=1))

    assert sum(len(name.encode()) for name in tools) <= MAX_TEXT_BYTES
    assert reported is not None
    assert len(reported.details["step"].encode()) <= MAX_TEXT_BYTES
    assert step.startswith(reported.details["step"])


def test_a_report_that_says_nothing_new_is_not_told() -> None:
    first = events.reported((), NOW, Progress("Read", "Reading", 10))
    assert first == Event(NOW, EventType.PROGRESS, {"step": "Reading", "percent": 10})
    told = (first, events.turn(NOW, 1, []))

    assert events.reported(told, NOW, Progress("Write", "Reading", 10)) is None
    assert events.reported(told, NOW, Progress("Write", "Reading", 20)) is not None
    assert events.reported((), NOW, Progress("Write")) is None


def test_an_artifact_is_told_once() -> None:
    first = events.saved((), NOW, "call-1")
    assert first is not None

    assert events.saved((first,), NOW + 1, "call-1") is None
    assert events.saved((first,), NOW + 1, "call-2") is not None


def test_a_number_that_was_not_reached_is_unknown() -> None:
    with pytest.raises(UnknownEvent):
        events.events_after(task_with(events.accepted(NOW)), 2, 10)


def test_an_artifact_is_told_with_its_name() -> None:
    artifact = Artifact("call-1", "报告.md", "text/markdown", url="https://example.com/")
    told = events.saved((), NOW, "call-1")
    assert told is not None

    (event,) = events.events_after(task_with(told, artifacts=(artifact,)), 0, 1).events

    assert event.details == {"artifactId": "call-1", "name": "报告.md"}


def test_attempts_are_counted_back_from_the_tasks_own() -> None:
    """Also where the task had begun before there were events."""
    told = (
        events.claimed(NOW),
        events.given_back(NOW, keeps_attempt=True, awaits=False, code=None),
        events.claimed(NOW),
        events.given_back(NOW, keeps_attempt=False, awaits=False, code=None),
        events.claimed(NOW),
        events.asked(NOW),
        events.answered(NOW),
        events.claimed(NOW),
        events.given_back(NOW, keeps_attempt=True, awaits=True, code=None),
        events.claimed(NOW),
    )

    found = events.events_after(task_with(*told, attempt=4), 0, 100).events

    assert [each.details["attempt"] for each in found if each.details["status"] == "running"] == [
        3,
        3,
        4,
        4,
        4,
    ]


def full_list() -> tuple[Event, ...]:
    turns = (events.turn(NOW, number, []) for number in range(1, FULL - 1))
    return told_by_worker((events.accepted(NOW), events.claimed(NOW)), *turns)


def test_a_full_list_grows_no_more_by_what_a_worker_tells_and_numbers_go_on() -> None:
    told = full_list()
    assert len(told) == FULL

    more = told_by_worker(
        told, events.turn(NOW, 900, []), events.tool(NOW, "Write"), events.turn(NOW, 901, [])
    )

    assert more[:-1] == told[:-1]
    assert more[-1] == Event(NOW, EventType.TURN, {"turn": 901}, skipped=3)
    assert ids_of(task_with(*more))[-2:] == [FULL - 1, FULL + 3]
    assert ids_of(task_with(*more), after=FULL + 1) == [FULL + 3]


def test_a_full_list_keeps_states_and_artifacts() -> None:
    told = full_list()
    kept = (
        events.claimed(NOW),
        events.turn(NOW, 900, []),
        ARTIFACT,
    )

    more = told_by_worker(told, *kept, events.turn(NOW, 901, []), events.turn(NOW, 902, []))

    assert more[:FULL] == told
    assert more[FULL : FULL + 3] == kept
    assert more[FULL + 3 :] == (Event(NOW, EventType.TURN, {"turn": 902}, skipped=1),)


def test_written_again_an_event_stands_where_it_stood() -> None:
    told = full_list()
    new = events.indexed(told, events.turn(NOW, 900, []))

    once = events.with_event(told, new)

    assert events.with_event(once, new) == once
    assert isinstance(new, IndexedEvent)


def handed_over(at: int = NOW) -> Event:
    return events.given_back(at, keeps_attempt=True, awaits=False, code=None)


def test_in_a_full_list_a_claim_that_came_to_nothing_leaves_no_trace() -> None:
    told = (*full_list(), handed_over(), events.claimed(NOW))

    once = events.with_event(told, events.indexed_release(told, handed_over(NOW + 1)))
    again = (*once, events.claimed(NOW))
    twice = events.with_event(again, events.indexed_release(again, handed_over(NOW + 2)))

    assert twice == (*full_list(), replace(handed_over(NOW + 2), skipped=4))
    assert events.last_number(twice) == events.last_number(told) + 3
    before = events.events_after(task_with(*told, events.claimed(NOW), attempt=2), 0, 1_000).events[1]
    assert (
        events.events_after(task_with(*twice, events.claimed(NOW), attempt=1), 0, 1_000).events[1] == before
    )


@pytest.mark.parametrize(
    "told",
    [
        (handed_over(), events.claimed(NOW)),  # the list is not full
        (*full_list(), handed_over(), events.claimed(NOW), events.turn(NOW, 900, [])),
        (*full_list(), events.answered(NOW), events.claimed(NOW)),
        (*full_list(), handed_over(), events.claimed(NOW), events.claimed(NOW)),
    ],
)
def test_any_other_claim_is_kept(told: tuple[Event, ...]) -> None:
    assert events.indexed_release(told, handed_over()) == handed_over()


def test_a_failed_attempt_is_kept() -> None:
    retry = events.given_back(NOW, keeps_attempt=False, awaits=False, code=None)
    told = (*full_list(), retry, events.claimed(NOW))

    assert events.indexed_release(told, retry) == retry


@given(st.lists(st.sampled_from(["turn", "tool", "progress", "status", "artifact"]), max_size=80))
def test_numbers_rise_by_one_with_each_event_and_a_follower_misses_no_state(kinds: list[str]) -> None:
    made = {
        "turn": events.turn(NOW, 7, []),
        "tool": events.tool(NOW, "Write"),
        "progress": Event(NOW, EventType.PROGRESS, {"step": "x"}),
        "status": events.claimed(NOW),
        "artifact": ARTIFACT,
    }
    told = full_list()
    seen: list[int] = []
    for count, kind in enumerate(kinds, 1):
        told = told_by_worker(told, made[kind])
        assert events.last_number(told) == FULL + count
        numbers = ids_of(
            replace(task_with(*told), artifacts=(Artifact("a", "a", "a"),)), after=FULL + count - 1
        )
        seen += numbers

    assert seen == [FULL + count for count in range(1, len(kinds) + 1)]
    states = [event for event in told if event.type is EventType.STATUS]
    assert len(states) == 2 + kinds.count("status")


def test_a_thousand_turns_that_each_ask_leave_room_in_the_record() -> None:
    """The longest list there can be: DynamoDB takes no larger item, and a task that no write fits into would
    never end."""
    names = ["x" * (MAX_TEXT_BYTES - 20), "y" * 20]
    told: tuple[Event, ...] = (events.accepted(NOW),)
    for number in range(MAX_TURNS):
        turn = events.turn(NOW, number, names)
        told = told_by_worker((*told, events.claimed(NOW)), turn, events.tool(NOW, names[0]))
        told = (*told, events.asked(NOW), events.answered(NOW))

    assert item_bytes(told) < MAX_ITEM_BYTES * 0.7


def item_bytes(told: tuple[Event, ...]) -> int:
    return sum(
        map(attribute_bytes, to_attributes({"events": list(map(task_values.event_value, told))}).values())
    )


def attribute_bytes(attribute: Mapping[str, Any]) -> int:
    """As DynamoDB counts them."""
    match attribute:
        case {"S": text}:
            return len(text.encode())
        case {"N": number}:
            return len(number) // 2 + 2
        case {"L": items}:
            return 3 + sum(1 + attribute_bytes(item) for item in items)
        case {"M": parts}:
            return 3 + sum(1 + len(name) + attribute_bytes(part) for name, part in parts.items())
    raise AssertionError(attribute)
