"""The contract of ``TaskStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import (
    Guard,
    guard_of_cancel,
    guard_of_completion,
    guard_of_dead_letter,
    guard_of_expiry,
    guard_of_loss,
    guard_of_worker,
)
from a2a_tasks.domain.history import events
from a2a_tasks.domain.history.event import Event, EventType
from a2a_tasks.domain.ids import SHARDS, shard
from a2a_tasks.domain.task import LIVE, TERMINAL, Payload, Status, Task, TaskRef
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.tasks import (
    Advance,
    Claim,
    InputRequest,
    InvalidCursor,
    Refused,
    Release,
    TaskStore,
    TaskSummary,
    Written,
)
from tests.integration.support.account import AGENT, Account
from tests.integration.support.stored_task import (
    ANYTHING,
    DAY_MS,
    NOW,
    QUESTION,
    RETAINED_MS,
    STATES,
    WORKER,
    canceled,
    claimed,
    completed,
    created,
    given_back,
    guard_name,
    new_task,
    numbers_of_shard,
    outcome,
)
from tests.twins.clock import FakeClock
from tests.twins.stores.tasks import MemoryTaskStore

MISSING = new_task(number=999).ref
SPENT = (Spent(1, "claude-sonnet-5-5", Usage(10, 20, 3, 4, 2, Decimal("0.012345"))),)

type Write = Callable[[TaskStore, Task], Written | Refused]


def in_state(store: TaskStore, status: Status) -> Task:
    return STATES[status](store, created(store), NOW)


def due_ids(store: TaskStore, now: int) -> set[str]:
    return {due.ref.task_id for n in range(SHARDS) for due in store.due(n, now, 100)}


def forgotten_ids(store: TaskStore, now: int) -> set[str]:
    return {task.ref.task_id for n in range(SHARDS) for task in store.past_retention(n, now, 100)}


def test_a_task_is_read_as_it_was_written(store: TaskStore) -> None:
    task = new_task(input=Payload(key="tasks/x/input.json", sha256="ab" * 32), model="m", spent=SPENT)

    store.create(task)

    assert store.get(task.ref) == task


def test_a_missing_task_is_none(store: TaskStore) -> None:
    assert store.get(MISSING) is None


def test_creating_again_changes_nothing(store: TaskStore) -> None:
    task = in_state(store, Status.RUNNING)

    assert not store.create(new_task())
    assert store.get(task.ref) == task


def test_of_two_that_create_a_task_of_one_id_the_second_is_told(store: TaskStore) -> None:
    task = created(store)

    assert not store.create(replace(task, correlation_id="request-2"))
    assert store.get(task.ref) == task


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.claim(MISSING, Claim("c", NOW, WORKER, 0)),
        lambda store: store.advance(MISSING, 1, Advance(NOW, turns=1)),
        lambda store: store.release(MISSING, 1, Release(NOW, NOW, NOW, SPENT)),
        lambda store: store.request_input(MISSING, 1, InputRequest(NOW, QUESTION, NOW, 1)),
        lambda store: store.resume(MISSING, QUESTION.call_id, NOW),
        lambda store: store.wake(MISSING, 1, NOW),
        lambda store: store.finish(MISSING, outcome(Status.CANCELED), ANYTHING),
        lambda store: store.add_partial_output(MISSING, 1, None, SPENT),
    ],
)
def test_no_write_makes_a_task(store: TaskStore, write: Callable[[TaskStore], Written | Refused]) -> None:
    assert write(store) == Refused(None)
    assert store.reschedule(MISSING, 0, NOW) is False
    assert store.get(MISSING) is None


def test_a_claim_takes_a_waiting_task(store: TaskStore) -> None:
    task = created(store)

    result = store.claim(task.ref, Claim("mine", NOW + 5, WORKER, 0))

    expected = replace(
        task,
        status=Status.RUNNING,
        attempt=1,
        fence=1,
        claim_id="mine",
        held_by=WORKER,
        started_at=NOW + 5,
        updated_at=NOW + 5,
        events=(*task.events, events.claimed(NOW + 5)),
    )
    assert result == Written(expected)
    assert store.get(task.ref) == expected


def test_a_claim_whose_answer_was_lost_knows_itself(store: TaskStore) -> None:
    task = created(store)

    first = store.claim(task.ref, Claim("mine", NOW, WORKER, 0))
    again = store.claim(task.ref, Claim("mine", NOW, WORKER, 0))
    other = store.claim(task.ref, Claim("other", NOW, WORKER, 0))

    assert first == again
    assert isinstance(first, Written)
    assert other == Refused(first.task)


def test_a_running_task_is_taken_from_the_worker_that_is_named_and_no_other(store: TaskStore) -> None:
    task = claimed(store, created(store), NOW)
    successor = Claim("b", NOW + 9, "worker-2", 1, "message-2", taken_from=WORKER, due_at=NOW + 39)

    for nobody in (None, "worker-2"):
        assert store.claim(task.ref, replace(successor, taken_from=nobody)) == Refused(task)
    result = store.claim(task.ref, successor)

    assert isinstance(result, Written)
    taken = result.task
    assert (taken.attempt, taken.fence, taken.started_at) == (2, 2, NOW)
    assert (taken.held_by, taken.message_id, taken.due_at) == ("worker-2", "message-2", NOW + 39)
    assert due_ids(store, NOW + 38) == set()
    assert due_ids(store, NOW + 39) == {task.ref.task_id}
    assert store.get(task.ref) == taken


def test_a_claim_that_names_a_message_keeps_it_and_another_replaces_it(store: TaskStore) -> None:
    task = created(store)
    first = store.claim(task.ref, Claim("a", NOW, WORKER, 0, "message-1"))
    assert isinstance(first, Written)
    pending = given_back(store, first.task)
    second = store.claim(task.ref, Claim("b", NOW, WORKER, 1, "message-2"))
    assert isinstance(second, Written)

    assert (first.task.message_id, pending.message_id, second.task.message_id) == (
        "message-1",
        "message-1",
        "message-2",
    )


def test_a_claim_is_only_good_for_the_fence_that_it_was_prepared_for(store: TaskStore) -> None:
    task = claimed(store, created(store), NOW)
    pending = given_back(store, task)

    assert store.claim(task.ref, Claim("late", NOW, WORKER, 0)) == Refused(pending)
    assert isinstance(store.claim(task.ref, Claim("next", NOW, WORKER, 1)), Written)


@pytest.mark.parametrize("status", [Status.INPUT_REQUIRED, *sorted(TERMINAL)])
def test_a_task_that_waits_for_no_worker_is_not_claimed(store: TaskStore, status: Status) -> None:
    task = in_state(store, status)

    assert store.claim(task.ref, Claim("late", NOW, WORKER, task.fence)) == Refused(task)


@pytest.mark.parametrize(
    ("changes", "offset", "taken"),
    [
        ({"not_before": NOW + 10}, 9, False),
        ({"not_before": NOW + 10}, 10, True),
        ({"deadline": NOW + 10}, 9, True),
        ({"deadline": NOW + 10}, 10, False),
        ({"max_attempts": 2, "attempt": 1}, 0, True),
        ({"max_attempts": 2, "attempt": 2}, 0, False),
    ],
)
def test_a_task_is_claimed_only_when_it_may_start(
    store: TaskStore, changes: dict[str, int], offset: int, taken: bool
) -> None:
    task = created(store, **changes)

    result = store.claim(task.ref, Claim("c", NOW + offset, WORKER, 0))

    assert isinstance(result, Written) is taken


def test_of_32_workers_one_claims(store: TaskStore) -> None:
    task = created(store)

    with ThreadPoolExecutor(32) as pool:
        claims = [Claim(f"worker-{n}", NOW, WORKER, 0) for n in range(32)]
        results = list(pool.map(lambda claim: store.claim(task.ref, claim), claims))

    winners = [result for result in results if isinstance(result, Written)]
    assert len(winners) == 1
    current = store.get(task.ref)
    assert current == winners[0].task
    assert current.fence == current.attempt == 1


def test_a_finished_task_has_everything_of_its_outcome(store: TaskStore) -> None:
    task = claimed(store, created(store), NOW)
    output = Payload(inline='{"result":"报告"}')

    result = store.finish(
        task.ref, outcome(Status.COMPLETED, NOW + 9, output=output, spent=SPENT), guard_of_worker(1)
    )

    expected = replace(
        task,
        status=Status.COMPLETED,
        completed_at=NOW + 9,
        updated_at=NOW + 9,
        finish_id="finish",
        output=output,
        spent=SPENT,
        held_by=None,
        due_at=None,
        events=(*task.events, Event(NOW + 9, EventType.STATUS, {"status": "completed"})),
    )
    assert result == Written(expected)
    assert store.get(task.ref) == expected


def test_a_failed_task_keeps_the_reason_and_what_was_spent_before(store: TaskStore) -> None:
    task = created(store, spent=SPENT)
    failure = Failure(FailureCode.MODEL_REFUSED, "No.")

    result = store.finish(task.ref, outcome(Status.FAILED, failure=failure), ANYTHING)

    assert isinstance(result, Written)
    assert (result.task.failure, result.task.spent, result.task.output) == (failure, SPENT, None)


def test_a_finish_whose_answer_was_lost_knows_itself(store: TaskStore) -> None:
    task = created(store)

    first = store.finish(task.ref, outcome(Status.CANCELED, finish_id="mine"), Guard(LIVE))
    again = store.finish(task.ref, outcome(Status.CANCELED, finish_id="mine"), Guard(LIVE))
    other = store.finish(task.ref, outcome(Status.CANCELED, finish_id="other"), Guard(LIVE))

    assert isinstance(first, Written)
    assert again == first
    assert other == Refused(first.task)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_what_ended_a_task_first_stays(store: TaskStore, status: Status) -> None:
    task = in_state(store, status)

    for guard in (guard_of_cancel(NOW), guard_of_expiry(NOW + 10**9), guard_of_worker(task.fence)):
        assert store.finish(task.ref, outcome(Status.FAILED, finish_id="late"), guard) == Refused(task)
    assert store.get(task.ref) == task


@pytest.mark.parametrize("status", sorted(LIVE))
@pytest.mark.parametrize(
    "guard",
    [
        guard_of_worker(0),
        guard_of_worker(1),
        guard_of_worker(2),
        guard_of_completion(1, NOW + 299_999),
        guard_of_completion(1, NOW + 300_000),
        guard_of_cancel(NOW + 299_999),
        guard_of_cancel(NOW + 300_000),
        guard_of_expiry(NOW + 299_999),
        guard_of_expiry(NOW + 300_000),
        guard_of_expiry(NOW + DAY_MS),
        guard_of_loss(0),
        guard_of_loss(1),
        guard_of_loss(2),
        guard_of_dead_letter(0),
        guard_of_dead_letter(1),
    ],
    ids=guard_name,
)
def test_a_guard_means_what_the_domain_says(store: TaskStore, status: Status, guard: Guard) -> None:
    task = in_state(store, status)

    result = store.finish(task.ref, outcome(Status.FAILED), guard)

    assert isinstance(result, Written) is guard.allows(task)


def test_completion_and_cancel_at_one_moment_have_one_winner(store: TaskStore) -> None:
    task = claimed(store, created(store), NOW)
    endings = [
        (outcome(Status.COMPLETED, finish_id="done", output=Payload(inline="{}")), guard_of_worker(1)),
        (outcome(Status.CANCELED, finish_id="cancel"), guard_of_cancel(NOW)),
    ] * 8
    endings = [
        (replace(end, finish_id=f"{end.finish_id}-{n}"), guard) for n, (end, guard) in enumerate(endings)
    ]

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda ending: store.finish(task.ref, *ending), endings))

    winners = [result.task for result in results if isinstance(result, Written)]
    assert len(winners) == 1
    assert store.get(task.ref) == winners[0]


def test_tasks_are_paged_newest_first(store: TaskStore) -> None:
    tasks = [created(store, NOW - n, number=n) for n in range(7)]
    created(store, agent_id="other", number=50)

    pages, cursor = [], None
    while True:
        page = store.page(AGENT, None, 3, cursor)
        pages.append([task.ref.task_id for task in page.tasks])
        if (cursor := page.cursor) is None:
            break

    assert [task_id for page_ids in pages for task_id in page_ids] == [task.ref.task_id for task in tasks]
    assert max(len(page_ids) for page_ids in pages) == 3


def test_an_agent_without_tasks_has_an_empty_page(store: TaskStore) -> None:
    page = store.page(AGENT, None, 10, None)

    assert (page.tasks, page.cursor) == ([], None)


def test_a_filtered_page_holds_one_state_and_misses_none(store: TaskStore) -> None:
    wanted: list[str] = []
    for n in range(250):
        task = created(store, NOW - n, number=n)
        if n % 20 == 19:
            wanted.append(canceled(store, task, NOW).ref.task_id)

    found, cursor = [], None
    while True:
        page = store.page(AGENT, Status.CANCELED, 5, cursor)
        found += [task.ref.task_id for task in page.tasks]
        assert len(page.tasks) <= 5
        if (cursor := page.cursor) is None:
            break

    assert found == wanted


def test_of_the_failed_are_also_those_whose_deadline_has_passed(store: TaskStore) -> None:
    states = list(STATES.items())
    tasks = [make(store, created(store, NOW - n, number=n), NOW) for n, (_, make) in enumerate(states)]
    limit = max(task.deadline for task in tasks)

    def failed_at(now: int) -> set[Status]:
        return {task.status for task in store.page(AGENT, Status.FAILED, 10, None, now).tasks}

    assert failed_at(NOW) == {Status.FAILED}
    assert failed_at(limit) == LIVE | {Status.FAILED}


def test_a_task_that_came_after_a_cursor_does_not_shift_the_page(store: TaskStore) -> None:
    tasks = [created(store, NOW - n, number=n) for n in range(4)]
    first = store.page(AGENT, None, 2, None)
    created(store, NOW + 1, number=77)

    second = store.page(AGENT, None, 2, first.cursor)

    assert [task.ref for task in second.tasks] == [task.ref for task in tasks[2:]]


@pytest.mark.parametrize("cursor", ["", "abc", "TASK#1", "../x", MISSING.task_id.upper()])
def test_a_made_up_cursor_is_refused(store: TaskStore, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        store.page(AGENT, None, 10, cursor)


@pytest.mark.parametrize("status", list(Status))
def test_a_summary_says_what_the_task_says(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store, context_id="talk"), NOW + 5)

    assert store.summaries(AGENT, 10) == [TaskSummary.of(task)]
    assert store.summaries("nobody", 10) == []


def test_summaries_are_those_of_the_newest_tasks(store: TaskStore) -> None:
    tasks = [created(store, NOW + number) for number in range(5)]

    assert [each.ref for each in store.summaries(AGENT, 3)] == [task.ref for task in reversed(tasks[2:])]


def test_due_names_what_is_due_the_longest_due_first(store: TaskStore) -> None:
    tasks = [created(store, NOW - n, number=n) for n in range(40)]
    later = created(store, NOW + 1, number=99)
    until = NOW + 30_000

    entries = {n: store.due(n, until, 100) for n in range(SHARDS)}

    assert due_ids(store, until) == {task.ref.task_id for task in tasks}
    assert later.ref.task_id in due_ids(store, until + 1)
    for number, shard_entries in entries.items():
        assert [entry.due_at for entry in shard_entries] == sorted(entry.due_at for entry in shard_entries)
        assert all(shard(entry.ref.task_id) == number for entry in shard_entries)
        assert store.due(number, until, 2) == shard_entries[:2]


def test_due_goes_on_after_an_entry_whatever_has_become_of_it(store: TaskStore) -> None:
    """Some of them are due at the same moment."""
    numbers = numbers_of_shard(NOW, 3, count=9)
    tasks = {task.ref: task for n in numbers for task in [created(store, number=n, due_at=NOW + n % 2)]}
    until = NOW + 1
    entries = store.due(3, until, 100)
    assert len(entries) == 9

    canceled(store, tasks[entries[3].ref], NOW)
    store.reschedule(entries[4].ref, entries[4].due_at, NOW + 30_000)

    assert store.due(3, until, 3, entries[2]) == entries[5:8]
    assert store.due(3, until, 100, entries[4]) == entries[5:]
    assert store.due(3, until, 100, entries[-1]) == []


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_an_ended_task_leaves_due_and_enters_no_other_index(store: TaskStore, status: Status) -> None:
    task = in_state(store, status)

    assert due_ids(store, NOW + 10**9) == set()
    assert forgotten_ids(store, 2**60) == set()
    assert store.get(task.ref) == task


def test_what_is_to_be_deleted_is_named_the_longest_ago_first(store: TaskStore) -> None:
    tasks = [canceled(store, created(store, NOW, number=n), NOW) for n in numbers_of_shard(NOW, 3, count=5)]
    for n, task in enumerate(tasks):
        store.expire(task.ref, NOW - n)

    assert store.past_retention(3, NOW, 100) == tasks[::-1]
    assert store.past_retention(3, NOW - 1, 2) == [tasks[4], tasks[3]]


@pytest.mark.parametrize("status", sorted(Status))
def test_a_task_past_its_retention_cannot_be_read_though_it_is_there(
    request: pytest.FixtureRequest, status: Status
) -> None:
    """A live one never is."""
    account: Account = request.getfixturevalue("account")
    clock = FakeClock(NOW)
    stores: list[TaskStore] = [
        DynamoDBTaskStore(account.dynamodb, account.resources["TasksTable"], kept_ms=DAY_MS, clock=clock),
        MemoryTaskStore(clock),
    ]
    clock.advance(RETAINED_MS / 1000 + 1)
    for store in stores:
        task = in_state(store, status)
        seen = (
            store.get(task.ref),
            store.read(task.ref),
            *store.get_all([task.ref]),
            *store.page(AGENT, None, 5, None).tasks,
        )
        assert store.is_retained(task.ref.task_id) is not task.is_terminal
        assert seen == ((None, None) if task.is_terminal else (task,) * 4)


def test_a_task_is_remembered_under_its_id_alone(store: TaskStore) -> None:
    task = created(store)
    assert store.is_retained(task.ref.task_id)
    assert not store.is_retained(MISSING.task_id)


def test_of_two_sweeps_one_moves_the_due_time(store: TaskStore) -> None:
    task = created(store)
    seen = task.due_at or 0

    assert store.reschedule(task.ref, seen, seen + 5_000) is True
    assert store.reschedule(task.ref, seen, seen + 9_000) is False
    current = store.get(task.ref)
    assert current == replace(task, due_at=seen + 5_000)
    assert due_ids(store, seen) == set()


def test_an_ended_task_is_not_looked_at_again(store: TaskStore) -> None:
    task = created(store)
    ended = canceled(store, task, NOW)

    assert store.reschedule(task.ref, task.due_at or 0, NOW + 9) is False
    assert store.get(task.ref) == ended


def test_a_dead_letter_is_noted_once_for_what_was_seen(store: TaskStore) -> None:
    task = created(store)
    first, second = Undelivered(1, NOW + 60_000), Undelivered(2, NOW + 500_000)

    assert store.note_undelivered(task.ref, 0, None, first, NOW + 90_000) is True
    assert store.note_undelivered(task.ref, 0, None, first, NOW + 90_000) is False
    assert store.get(task.ref) == replace(task, undelivered=first, due_at=NOW + 90_000)
    assert store.note_undelivered(task.ref, 0, first, second, NOW + 95_000) is True
    assert store.note_undelivered(task.ref, 1, second, first, NOW) is False


def test_a_claim_forgets_dead_letters(store: TaskStore) -> None:
    task = created(store)
    store.note_undelivered(task.ref, 0, None, Undelivered(3, NOW), NOW)

    held = claimed(store, task, NOW)

    assert held.undelivered is None
    assert store.note_undelivered(task.ref, 0, None, Undelivered(1, NOW), NOW) is False
    assert store.note_undelivered(task.ref, 1, None, Undelivered(1, NOW), NOW) is True


def test_a_turn_that_was_cut_off_is_remembered_until_the_next_claim(store: TaskStore) -> None:
    held = claimed(store, created(store), NOW)
    given_back = store.release(held.ref, held.fence, Release(NOW, NOW, NOW + 30_000, (), cut_off=True))

    assert isinstance(given_back, Written)
    assert given_back.task.cut_off is True
    assert store.get(held.ref) == given_back.task
    assert claimed(store, given_back.task, NOW).cut_off is False


def test_a_dead_letter_of_an_ended_task_is_not_noted(store: TaskStore) -> None:
    ended = canceled(store, created(store), NOW)

    assert store.note_undelivered(ended.ref, 0, None, Undelivered(1, NOW), NOW) is False
    assert store.get(ended.ref) == ended


def test_many_tasks_are_read_at_once(store: TaskStore) -> None:
    tasks = [created(store, number=n) for n in range(100)]
    missing = new_task(number=100)

    found = store.get_all([task.ref for task in tasks[1:]] + [missing.ref])

    assert sorted(found, key=str) == sorted(tasks[1:], key=str)
    assert store.get_all([]) == []


def test_an_ended_task_may_be_let_go_earlier_and_never_later(store: TaskStore) -> None:
    task, soon = canceled(store, created(store), NOW), NOW + RETAINED_MS // 2

    for at in (soon + 500, soon + 500, soon + 900):
        store.expire(task.ref, at)

    assert forgotten_ids(store, soon + 499) == set()
    assert forgotten_ids(store, soon + 500) == {task.ref.task_id}
    assert store.get(task.ref) == task, "until clean-up comes"


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_live_task_is_not_let_go(store: TaskStore, status: Status) -> None:
    task = in_state(store, status)

    store.expire(task.ref, NOW)
    store.expire(new_task(number=1).ref, NOW)

    assert store.get(task.ref) == task
    assert forgotten_ids(store, NOW + 10**9) == set()


def test_a_deleted_task_is_gone_everywhere(store: TaskStore) -> None:
    task = completed(store, created(store), NOW, Payload(inline="{}"))
    neighbour = created(store, number=1)

    store.delete(task.ref)
    store.delete(task.ref)

    assert store.get(task.ref) is None
    assert forgotten_ids(store, NOW + 10**9) == set()
    assert [found.ref for found in store.page(AGENT, None, 10, None).tasks] == [neighbour.ref]


def test_the_same_id_under_another_agent_is_another_task(store: TaskStore) -> None:
    task = created(store)

    assert store.get(TaskRef("other", task.ref.task_id)) is None
