"""The contract of ``SlotStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.domain.task import Priority
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.slots import PAGE, Holder, PlaceInLine, Scope, ScopeState, SlotStore, Waiter
from tests.integration.support.account import AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, new_task
from tests.twins.stores.slots import MemorySlots

AGENT_SCOPE, CONTEXT = Scope(AGENT), Scope(AGENT, "talk#1")
NOBODY = ScopeState({}, (), is_all=True, watched_until=0)
A, B, C = (new_task(NOW + n).ref.task_id for n in range(3))
MANY = [new_task(number=n).ref.task_id for n in range(32)]
LATER = NOW + 60_000


@pytest.fixture(params=["dynamodb", "memory"])
def slots(request: pytest.FixtureRequest) -> SlotStore:
    if request.param == "memory":
        return MemorySlots()
    return dynamodb_slots(request.getfixturevalue("account"))


@pytest.fixture(params=[AGENT_SCOPE, CONTEXT], ids=["agent", "context"])
def scope(request: pytest.FixtureRequest) -> Scope:
    chosen: Scope = request.param
    return chosen


def dynamodb_slots(account: Account) -> DynamoDBSlots:
    return DynamoDBSlots(account.dynamodb, account.resources["TasksTable"])


def waiter(
    task_id: str, priority: Priority = Priority.NORMAL, fence: int = 0, deadline: int = LATER
) -> Waiter:
    return Waiter(task_id, priority, fence, deadline, not_before=7, due_at=9)


def holder(task_id: str, fence: int = 0, at: int = NOW) -> Holder:
    return Holder(task_id, fence, at)


def test_at_first_nobody_holds_a_slot_and_nobody_waits(slots: SlotStore, scope: Scope) -> None:
    assert slots.state(scope, 5) == NOBODY
    assert slots.page(scope, 0) == {}
    assert slots.waiting(scope, 10) == ()
    assert slots.place(scope, waiter(A)) == PlaceInLine(waits=False, watched_until=0, first_holder=None)


# -- slots


def test_a_slot_is_taken_by_one(slots: SlotStore, scope: Scope) -> None:
    assert slots.take(scope, 0, holder(A), LATER) == holder(A)

    assert slots.take(scope, 0, holder(B, 9), LATER) == holder(A)
    assert slots.state(scope, 5).holders == {0: holder(A)}
    assert slots.place(scope, waiter(A)).first_holder == holder(A)


def test_scopes_do_not_share_slots(slots: SlotStore) -> None:
    others = [Scope(AGENT), Scope(AGENT, "a"), Scope(AGENT, "b"), Scope("other"), Scope("other", "a")]

    for task_id, one in zip(MANY, others, strict=False):
        assert slots.take(one, 0, holder(task_id), LATER) == holder(task_id)


def test_slots_are_in_pages(slots: SlotStore) -> None:
    numbers = [0, PAGE - 1, PAGE, 49 * PAGE + 7, 50 * PAGE - 1]
    for number in numbers:
        slots.take(AGENT_SCOPE, number, holder(A), LATER)

    assert list(slots.state(AGENT_SCOPE, 50 * PAGE).holders) == [0, PAGE - 1]
    assert list(slots.page(AGENT_SCOPE, 0)) == [0, PAGE - 1]
    assert list(slots.page(AGENT_SCOPE, 1)) == [PAGE]
    assert list(slots.page(AGENT_SCOPE, 49)) == [49 * PAGE + 7, 50 * PAGE - 1]


def test_a_task_comes_with_its_slot_under_a_higher_fence_only(slots: SlotStore, scope: Scope) -> None:
    slots.take(scope, 0, holder(A, 2), LATER)

    assert slots.take(scope, 0, holder(A, 3), LATER) == holder(A, 3)
    assert slots.take(scope, 0, holder(A, 1), LATER) == holder(A, 3)
    assert slots.take(scope, 0, holder(A, 3, at=LATER), LATER) == holder(A, 3), "it has it already"


def test_a_slot_changes_hands_as_it_was_seen(slots: SlotStore, scope: Scope) -> None:
    slots.take(scope, 0, holder(A, 2), LATER)

    assert not slots.pass_on(scope, 0, holder(A, 1), holder(B), LATER)
    assert not slots.pass_on(scope, 0, holder(C, 2), holder(B), LATER)
    assert slots.pass_on(scope, 0, holder(A, 2), holder(B), LATER)
    assert slots.pass_on(scope, 0, holder(A, 2), holder(B), LATER), "by an earlier try"
    assert not slots.pass_on(scope, 0, holder(A, 2), holder(C), LATER)
    assert slots.state(scope, 5).holders == {0: holder(B)}


def test_a_slot_that_nobody_has_is_not_handed_over(slots: SlotStore, scope: Scope) -> None:
    assert not slots.pass_on(scope, 0, holder(A), holder(B), LATER)
    assert slots.state(scope, 5) == NOBODY


def test_a_slot_is_freed_once_and_by_its_task(slots: SlotStore, scope: Scope) -> None:
    slots.take(scope, 0, holder(A, 3), LATER)

    assert not slots.free(scope, 0, A, below=3), "that of a later claim"
    assert not slots.free(scope, 0, B, below=9)
    assert slots.free(scope, 0, A, below=4)
    assert not slots.free(scope, 0, A, below=4)
    assert slots.take(scope, 0, holder(B), LATER) == holder(B)


def test_of_32_at_once_one_takes_a_slot(slots: SlotStore) -> None:
    with ThreadPoolExecutor(32) as pool:
        seen = list(pool.map(lambda task_id: slots.take(AGENT_SCOPE, 3, holder(task_id), LATER), MANY))

    assert len(set(seen)) == 1
    assert slots.page(AGENT_SCOPE, 0) == {3: seen[0]}


# -- the line


def test_the_line_is_by_priority_and_then_by_age(slots: SlotStore) -> None:
    entries = [waiter(A, Priority.LOW), waiter(C, Priority.NORMAL), waiter(B, Priority.NORMAL)]
    entries += [waiter(C, Priority.HIGH)]
    for entry in entries:
        slots.wait(AGENT_SCOPE, entry)

    assert slots.waiting(AGENT_SCOPE, 10) == (entries[3], entries[2], entries[1], entries[0])
    assert slots.waiting(AGENT_SCOPE, 2) == (entries[3], entries[2])
    assert slots.waiting(AGENT_SCOPE, 1, first=Priority.NORMAL) == (entries[2],)
    assert slots.waiting(AGENT_SCOPE, 9, first=Priority.LOW) == (entries[0],)
    assert slots.state(AGENT_SCOPE, 5).waiters == (entries[3], entries[2], entries[1], entries[0])


def test_whose_deadline_has_passed_may_be_left_out(slots: SlotStore, scope: Scope) -> None:
    for task_id, deadline in ((A, NOW), (B, NOW + 1), (C, LATER)):
        slots.wait(scope, waiter(task_id, deadline=deadline))

    assert [w.task_id for w in slots.waiting(scope, 10, NOW)] == [B, C]
    assert [w.task_id for w in slots.waiting(scope, 2, NOW)] == [B], "of the first two"


def test_a_state_shows_the_first_of_a_long_line_however_many_slots_are_held(slots: SlotStore) -> None:
    for number in range(40):
        slots.take(AGENT_SCOPE, number, holder(A), LATER)
    for task_id in MANY:
        slots.wait(AGENT_SCOPE, waiter(task_id))
    slots.watch(AGENT_SCOPE, LATER, NOW)

    for limit in (1, 40):  # it was lowered, or not
        state = slots.state(AGENT_SCOPE, limit)
        assert [w.task_id for w in state.waiters][:10] == sorted(MANY)[:10]
        assert (state.is_all, state.watched_until) == (False, LATER)
    assert set(slots.state(AGENT_SCOPE, 40).holders) == set(range(40))


def test_getting_in_line_again_is_one_entry(slots: SlotStore, scope: Scope) -> None:
    slots.wait(scope, waiter(A))
    slots.wait(scope, waiter(A))

    assert slots.waiting(scope, 10) == (waiter(A),)
    slots.stop_waiting(scope, waiter(A))
    assert slots.waiting(scope, 10) == ()
    slots.stop_waiting(scope, waiter(A))
    assert not slots.place(scope, waiter(A)).waits


def test_an_entry_of_a_later_claim_stays(slots: SlotStore, scope: Scope) -> None:
    slots.wait(scope, waiter(A, fence=1))
    slots.wait(scope, waiter(A, fence=2))
    slots.wait(scope, waiter(A, fence=1))

    slots.stop_waiting(scope, waiter(A, fence=1))

    assert slots.waiting(scope, 10) == (waiter(A, fence=2),)
    assert slots.place(scope, waiter(A, fence=1)).waits
    slots.stop_waiting(scope, waiter(A, fence=2))
    assert not slots.place(scope, waiter(A, fence=2)).waits


def test_an_entry_of_an_earlier_claim_is_no_place(slots: SlotStore, scope: Scope) -> None:
    """A slow process may write it after the claim that ended this wait."""
    slots.wait(scope, waiter(A, fence=1))

    assert not slots.place(scope, waiter(A, fence=2)).waits


# -- the line's own entry


def test_a_watched_line_is_due_when_it_was_first_to_be(slots: SlotStore, scope: Scope) -> None:
    slots.watch(scope, LATER, NOW + 10)
    slots.watch(scope, LATER + 5, NOW + 20)

    assert slots.due_lines(NOW + 9, 10) == []
    assert slots.due_lines(NOW + 10, 10) == [scope]
    assert slots.state(scope, 5).watched_until == LATER + 5
    assert slots.place(scope, waiter(A)).watched_until == LATER + 5


def test_the_longest_due_line_comes_first(slots: SlotStore) -> None:
    scopes = [Scope(AGENT, "a"), Scope(AGENT), Scope("other", "talk#1"), Scope("other")]
    for number, one in enumerate(scopes):
        slots.watch(one, LATER, NOW - number)

    assert slots.due_lines(NOW, 10) == scopes[::-1]
    assert slots.due_lines(NOW, 2) == scopes[:1:-1]


def test_a_line_is_looked_at_again_later_unless_somebody_has_come(slots: SlotStore, scope: Scope) -> None:
    slots.watch(scope, LATER, NOW)

    assert not slots.reschedule(scope, LATER - 1, LATER, NOW + 1)
    assert slots.reschedule(scope, LATER, LATER + 1, NOW + 1)
    assert slots.due_lines(NOW, 10) == []
    assert not slots.forget_line(scope, LATER)
    assert slots.forget_line(scope, LATER + 1)
    assert slots.due_lines(LATER, 10) == []
    assert not slots.reschedule(scope, LATER + 1, LATER, NOW)


# -- on DynamoDB


def test_a_conversation_leaves_nothing_behind(account: Account) -> None:
    slots = dynamodb_slots(account)
    slots.take(CONTEXT, 0, holder(A), LATER)
    slots.wait(CONTEXT, waiter(B))
    slots.watch(CONTEXT, LATER, NOW)

    slots.free(CONTEXT, 0, A, below=1)
    slots.stop_waiting(CONTEXT, waiter(B))
    slots.forget_line(CONTEXT, LATER)

    assert account.dynamodb.scan(TableName=slots.table)["Items"] == []


def test_each_item_expires_a_week_after_it_can_mean_anything(account: Account) -> None:
    slots = dynamodb_slots(account)
    slots.wait(AGENT_SCOPE, waiter(A, Priority.HIGH))
    slots.take(AGENT_SCOPE, 0, holder(A), LATER)
    slots.take(AGENT_SCOPE, PAGE, holder(A), LATER)
    slots.watch(AGENT_SCOPE, LATER, NOW)

    items = account.dynamodb.scan(TableName=slots.table)["Items"]

    keys = {(item["pk"]["S"], item["sk"]["S"]) for item in items}
    agent = f"SLOTS#{AGENT}"
    assert keys == {
        (agent, "LINE"),
        (agent, "SLOT#0000"),
        (agent, f"WAIT#1#{A}"),
        (f"{agent}/1", f"SLOT#{PAGE:04}"),
    }
    assert [item["ttl"] for item in items] == [{"N": str(LATER // 1000 + 7 * 86_400)}] * 4


CALLS: list[tuple[str, Callable[[SlotStore], object]]] = [
    ("Query", lambda slots: slots.state(AGENT_SCOPE, 1)),
    ("Query", lambda slots: slots.page(AGENT_SCOPE, 1)),
    ("PutItem", lambda slots: slots.take(AGENT_SCOPE, 0, holder(A), LATER)),
    ("PutItem", lambda slots: slots.pass_on(AGENT_SCOPE, 0, holder(A), holder(B), LATER)),
    ("DeleteItem", lambda slots: slots.free(AGENT_SCOPE, 0, A, 1)),
    ("PutItem", lambda slots: slots.wait(AGENT_SCOPE, waiter(A))),
    ("DeleteItem", lambda slots: slots.stop_waiting(AGENT_SCOPE, waiter(A))),
    ("BatchGetItem", lambda slots: slots.place(AGENT_SCOPE, waiter(A))),
    ("Query", lambda slots: slots.waiting(AGENT_SCOPE, 1)),
    ("UpdateItem", lambda slots: slots.watch(AGENT_SCOPE, LATER, NOW)),
    ("Query", lambda slots: slots.due_lines(NOW, 1)),
    ("UpdateItem", lambda slots: slots.reschedule(AGENT_SCOPE, 0, LATER, NOW)),
    ("DeleteItem", lambda slots: slots.forget_line(AGENT_SCOPE, 0)),
]


@pytest.mark.parametrize(("operation", "call"), CALLS)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[SlotStore], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    with pytest.raises(StoreUnavailable):
        call(dynamodb_slots(account))


def test_what_the_sdk_sends_twice_has_one_effect_and_its_answer(account: Account) -> None:
    slots = dynamodb_slots(account)
    account.calls.fail("PutItem", Fault.SENT_TWICE)
    assert slots.take(AGENT_SCOPE, 0, holder(A), LATER) == holder(A)

    account.calls.fail("PutItem", Fault.SENT_TWICE)
    assert slots.pass_on(AGENT_SCOPE, 0, holder(A), holder(B), LATER)

    account.calls.fail("DeleteItem", Fault.SENT_TWICE)
    slots.free(AGENT_SCOPE, 0, B, 1)
    assert slots.state(AGENT_SCOPE, 5) == NOBODY
