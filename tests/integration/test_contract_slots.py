"""The contract of ``SlotStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.dynamodb_slots import DynamoDBSlots
from a2a_tasks.domain.task import Priority
from a2a_tasks.ports.faults import StoreUnavailable
from a2a_tasks.ports.slots import Freed, Holder, Scope, SlotState, SlotStore, Waiter
from tests.integration.account import AGENT, Account
from tests.integration.aws_calls import Fault
from tests.integration.stored_task import NOW, new_task
from tests.twins.slots import MemorySlots

AGENT_SCOPE, CONTEXT = Scope(AGENT), Scope(AGENT, "talk#1")
NOBODY = SlotState({}, 0)
A, B, C = (new_task(NOW + n).ref.task_id for n in range(3))
MANY = [new_task(number=n).ref.task_id for n in range(32)]


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


def waiter(task_id: str, priority: Priority = Priority.NORMAL, fence: int = 0) -> Waiter:
    return Waiter(task_id, priority, fence)


def fences(slots: SlotStore, scope: Scope) -> dict[str, int]:
    return {task_id: holder.fence for task_id, holder in slots.state(scope).holders.items()}


def test_at_first_nobody_holds_a_slot_and_nobody_waits(slots: SlotStore, scope: Scope) -> None:
    assert slots.state(scope) == NOBODY
    assert slots.waiting(scope, 10) == []
    assert not slots.is_waiting(scope, waiter(A))


def test_slots_are_taken_up_to_the_limit(slots: SlotStore) -> None:
    assert [slots.take(AGENT_SCOPE, task_id, 0, 2) for task_id in (A, B, C)] == [True, True, False]
    assert fences(slots, AGENT_SCOPE) == {A: 0, B: 0}


def test_a_higher_limit_makes_room_and_a_lower_one_takes_nothing_away(slots: SlotStore) -> None:
    slots.take(AGENT_SCOPE, A, 0, 1)

    assert slots.take(AGENT_SCOPE, B, 0, 2)
    assert slots.take(AGENT_SCOPE, B, 0, 1)
    assert not slots.take(AGENT_SCOPE, C, 0, 1)
    assert fences(slots, AGENT_SCOPE) == {A: 0, B: 0}


def test_scopes_do_not_share_slots(slots: SlotStore) -> None:
    others = [Scope(AGENT), Scope(AGENT, "a"), Scope(AGENT, "b"), Scope("other"), Scope("other", "a")]

    assert all(slots.take(scope, A, 0, 1) for scope in others)


def test_a_task_that_comes_again_keeps_its_slot_under_its_new_fence(slots: SlotStore, scope: Scope) -> None:
    slots.take(scope, A, 2, 1)

    assert slots.take(scope, A, 3, 1)
    assert fences(slots, scope) == {A: 3}
    assert slots.take(scope, A, 1, 1), "it holds one, though not by this claim"
    assert fences(slots, scope) == {A: 3}


def test_a_slot_is_freed_once(slots: SlotStore, scope: Scope) -> None:
    slots.take(scope, A, 0, 1)

    assert slots.free(scope, A, below=1) == Freed(held=True, arrivals=0)
    assert slots.free(scope, A, below=1) == Freed(held=False, arrivals=0)
    assert slots.state(scope) == NOBODY
    assert slots.take(scope, B, 0, 1)


def test_one_freed_slot_leaves_the_others(slots: SlotStore) -> None:
    slots.take(AGENT_SCOPE, A, 0, 2)
    slots.take(AGENT_SCOPE, B, 0, 2)

    slots.free(AGENT_SCOPE, A, below=1)

    assert fences(slots, AGENT_SCOPE) == {B: 0}


def test_freeing_what_was_never_held_changes_nothing(slots: SlotStore, scope: Scope) -> None:
    assert slots.free(scope, A, below=9) == Freed(held=False, arrivals=0)
    assert slots.state(scope) == NOBODY


def test_the_slot_of_a_later_claim_is_not_freed(slots: SlotStore, scope: Scope) -> None:
    slots.take(scope, A, 3, 1)

    assert slots.free(scope, A, below=3) == Freed(held=False, arrivals=0)
    assert fences(slots, scope) == {A: 3}


def test_while_somebody_waits_slots_are_granted_and_not_taken(slots: SlotStore, scope: Scope) -> None:
    slots.arrive(scope)
    slots.arrive(scope)

    assert slots.state(scope) == SlotState({}, 2)
    assert not slots.take(scope, A, 0, 1)
    assert slots.grant(scope, B, Holder(0, granted_by=C), 1)
    assert slots.state(scope) == SlotState({B: Holder(0, granted_by=C)}, 2)
    assert slots.take(scope, B, 0, 1), "the one it was granted to comes"
    assert slots.state(scope) == SlotState({B: Holder(0)}, 2)
    assert slots.free(scope, B, below=1) == Freed(held=True, arrivals=2)
    assert not slots.take(scope, A, 0, 1)


def test_no_slot_is_granted_beyond_the_limit(slots: SlotStore) -> None:
    slots.take(AGENT_SCOPE, A, 0, 1)

    assert not slots.grant(AGENT_SCOPE, B, Holder(0, A), 1)
    assert slots.grant(AGENT_SCOPE, B, Holder(0, A), 2)
    assert fences(slots, AGENT_SCOPE) == {A: 0, B: 0}


def test_a_grant_knows_itself_and_no_other(slots: SlotStore, scope: Scope) -> None:
    assert slots.grant(scope, A, Holder(0, granted_by=B), 1)

    assert slots.grant(scope, A, Holder(0, granted_by=B), 1)
    assert not slots.grant(scope, A, Holder(0, granted_by=C), 1)
    slots.take(scope, A, 0, 1)
    assert not slots.grant(scope, A, Holder(0, granted_by=B), 1), "it has come: nothing is left to tell it"


def test_a_first_grant_needs_no_holder_before(slots: SlotStore, scope: Scope) -> None:
    assert slots.grant(scope, A, Holder(4, granted_by=B), 1)
    assert slots.free(scope, A, below=5) == Freed(held=True, arrivals=0)


def test_when_nobody_waits_any_more_slots_are_taken_again(slots: SlotStore, scope: Scope) -> None:
    slots.arrive(scope)

    assert slots.settle(scope, 1)
    assert slots.state(scope) == NOBODY
    assert slots.take(scope, A, 0, 1)


def test_who_has_arrived_meanwhile_is_not_forgotten(slots: SlotStore, scope: Scope) -> None:
    slots.arrive(scope)
    seen = slots.state(scope).arrivals
    slots.arrive(scope)

    assert not slots.settle(scope, seen)
    assert slots.state(scope).arrivals == 2


def test_settling_takes_no_slot_away(slots: SlotStore, scope: Scope) -> None:
    slots.arrive(scope)
    slots.grant(scope, A, Holder(0, B), 1)

    slots.settle(scope, 1)

    assert fences(slots, scope) == {A: 0}


def test_the_line_is_by_priority_and_then_by_age(slots: SlotStore) -> None:
    entries = [waiter(A, Priority.LOW), waiter(C, Priority.NORMAL), waiter(B, Priority.NORMAL)]
    entries += [waiter(C, Priority.HIGH)]
    for entry in entries:
        slots.wait(AGENT_SCOPE, entry, NOW)

    assert slots.waiting(AGENT_SCOPE, 10) == [entries[3], entries[2], entries[1], entries[0]]
    assert slots.waiting(AGENT_SCOPE, 2) == [entries[3], entries[2]]
    assert slots.waiting(AGENT_SCOPE, 1, Priority.NORMAL) == [entries[2]]
    assert slots.waiting(AGENT_SCOPE, 9, Priority.LOW) == [entries[0]]


def test_getting_in_line_again_is_one_entry(slots: SlotStore, scope: Scope) -> None:
    slots.wait(scope, waiter(A), NOW)
    slots.wait(scope, waiter(A), NOW)

    assert slots.waiting(scope, 10) == [waiter(A)]
    slots.stop_waiting(scope, waiter(A))
    assert slots.waiting(scope, 10) == []
    slots.stop_waiting(scope, waiter(A))
    assert not slots.is_waiting(scope, waiter(A))


def test_an_entry_of_a_later_claim_stays(slots: SlotStore, scope: Scope) -> None:
    slots.wait(scope, waiter(A, fence=1), NOW)
    slots.wait(scope, waiter(A, fence=2), NOW)
    slots.wait(scope, waiter(A, fence=1), NOW)

    slots.stop_waiting(scope, waiter(A, fence=1))

    assert slots.waiting(scope, 10) == [waiter(A, fence=2)]
    assert slots.is_waiting(scope, waiter(A, fence=1))
    slots.stop_waiting(scope, waiter(A, fence=2))
    assert not slots.is_waiting(scope, waiter(A, fence=2))


def test_of_32_at_once_as_many_as_may_take_a_slot(slots: SlotStore) -> None:
    slots.take(AGENT_SCOPE, A, 0, 5)
    slots.free(AGENT_SCOPE, A, below=1)

    with ThreadPoolExecutor(32) as pool:
        taken = list(pool.map(lambda task_id: slots.take(AGENT_SCOPE, task_id, 0, 5), MANY))

    holders = {task_id for task_id, mine in zip(MANY, taken, strict=True) if mine}
    assert len(holders) == 5
    assert set(slots.state(AGENT_SCOPE).holders) == holders


def test_a_task_that_never_waits_costs_two_writes(account: Account) -> None:
    slots = dynamodb_slots(account)
    slots.take(AGENT_SCOPE, A, 0, 5)
    account.calls.made.clear()

    slots.take(AGENT_SCOPE, B, 0, 5)
    slots.free(AGENT_SCOPE, B, below=1)

    assert [call.operation for call in account.calls.made] == ["UpdateItem", "UpdateItem"]


def test_a_conversation_leaves_nothing_behind(account: Account) -> None:
    slots, item = dynamodb_slots(account), {"pk": {"S": f"SLOTS#{AGENT}#talk#1"}, "sk": {"S": "HOLDERS"}}
    slots.take(CONTEXT, A, 0, 1)
    assert "Item" in account.dynamodb.get_item(TableName=slots.table, Key=item)

    slots.free(CONTEXT, A, below=1)
    assert "Item" not in account.dynamodb.get_item(TableName=slots.table, Key=item)

    slots.take(CONTEXT, A, 0, 1)
    slots.arrive(CONTEXT)
    slots.free(CONTEXT, A, below=1)
    slots.settle(CONTEXT, 1)
    assert "Item" not in account.dynamodb.get_item(TableName=slots.table, Key=item)


def test_a_forgotten_entry_expires_a_week_after_its_task(account: Account) -> None:
    slots = dynamodb_slots(account)
    slots.wait(AGENT_SCOPE, waiter(A, Priority.HIGH), NOW)

    key = {"pk": {"S": f"SLOTS#{AGENT}"}, "sk": {"S": f"WAIT#1#{A}"}}
    item = account.dynamodb.get_item(TableName=slots.table, Key=key)["Item"]

    assert item["ttl"] == {"N": str(NOW // 1000 + 7 * 86_400)}


CALLS: list[tuple[str, Callable[[SlotStore], object]]] = [
    ("GetItem", lambda slots: slots.state(AGENT_SCOPE)),
    ("UpdateItem", lambda slots: slots.take(AGENT_SCOPE, A, 0, 1)),
    ("UpdateItem", lambda slots: slots.grant(AGENT_SCOPE, A, Holder(0, B), 1)),
    ("UpdateItem", lambda slots: slots.free(AGENT_SCOPE, A, 1)),
    ("DeleteItem", lambda slots: slots.free(CONTEXT, A, 1)),
    ("PutItem", lambda slots: slots.wait(AGENT_SCOPE, waiter(A), NOW)),
    ("UpdateItem", lambda slots: slots.arrive(AGENT_SCOPE)),
    ("UpdateItem", lambda slots: slots.settle(AGENT_SCOPE, 1)),
    ("DeleteItem", lambda slots: slots.settle(CONTEXT, 1)),
    ("DeleteItem", lambda slots: slots.stop_waiting(AGENT_SCOPE, waiter(A))),
    ("GetItem", lambda slots: slots.is_waiting(AGENT_SCOPE, waiter(A))),
    ("Query", lambda slots: slots.waiting(AGENT_SCOPE, 1)),
]


@pytest.mark.parametrize(("operation", "call"), CALLS)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[SlotStore], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    with pytest.raises(StoreUnavailable):
        call(dynamodb_slots(account))


@pytest.mark.parametrize("map_is_there", [True, False])
def test_what_the_sdk_sends_twice_has_one_effect_and_its_answer(account: Account, map_is_there: bool) -> None:
    slots = dynamodb_slots(account)
    if map_is_there:
        slots.take(AGENT_SCOPE, C, 0, 9)
        account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    else:
        account.calls.fail("UpdateItem", Fault.SENT_TWICE, times=2)
    assert slots.take(AGENT_SCOPE, A, 0, 9)

    account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    assert slots.grant(AGENT_SCOPE, B, Holder(0, A), 9)

    account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    slots.free(AGENT_SCOPE, A, 1)
    assert set(slots.state(AGENT_SCOPE).holders) == ({B, C} if map_is_there else {B})
