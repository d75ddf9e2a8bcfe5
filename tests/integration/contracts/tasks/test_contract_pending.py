"""Tasks that nobody has begun yet: which ones a ``TaskStore`` counts, on DynamoDB and in memory."""

from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.domain.guards import guard_of_worker
from a2a_tasks.domain.task import Lane, Status, Task
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import Claim, Refused, TaskStore
from tests.integration.support.account import AGENT, OTHER_AGENT, Account
from tests.integration.support.stored_task import NOW, STATES, WORKER, claimed, created, given_back, outcome


def counted(store: TaskStore, number: int = 0, **changes: Any) -> Task:
    return created(store, number=number, counts_as_pending=True, **changes)


def test_tasks_count_that_nobody_has_begun(store: TaskStore) -> None:
    assert store.count_pending(AGENT, 10, NOW) == 0
    counted(store, 1)
    counted(store, 2, not_before=NOW + 60_000)
    counted(store, 3, lane=Lane.BATCH)
    assert store.count_pending(AGENT, 10, NOW) == 3


def test_a_task_of_an_agent_without_a_limit_does_not_count(store: TaskStore) -> None:
    created(store)
    assert store.count_pending(AGENT, 10, NOW) == 0


def test_each_agent_has_its_own(store: TaskStore) -> None:
    counted(store, agent_id=OTHER_AGENT)
    assert (store.count_pending(AGENT, 10, NOW), store.count_pending(OTHER_AGENT, 10, NOW)) == (0, 1)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PENDING])
def test_a_task_that_has_begun_or_ended_counts_no_more(store: TaskStore, status: Status) -> None:
    task = counted(store)
    after = STATES[status](store, task, NOW)
    assert not after.counts_as_pending
    assert store.count_pending(AGENT, 10, NOW) == 0


def test_a_task_that_waits_for_another_attempt_has_begun(store: TaskStore) -> None:
    task = counted(store)
    given_back(store, claimed(store, task, NOW))
    assert store.count_pending(AGENT, 10, NOW) == 0


def test_a_claim_or_an_end_that_is_refused_changes_nothing(store: TaskStore) -> None:
    task = counted(store)
    stale = store.claim(task.ref, Claim("stale", NOW, WORKER, fence=7))
    late = store.finish(task.ref, outcome(Status.COMPLETED), guard_of_worker(1))
    assert stale == late == Refused(task)
    assert store.count_pending(AGENT, 10, NOW) == 1


def test_no_more_are_counted_than_matter(store: TaskStore) -> None:
    for number in range(5):
        counted(store, number)
    assert [store.count_pending(AGENT, limit, NOW) for limit in (1, 4, 5, 6)] == [1, 4, 5, 5]


def test_a_deleted_task_counts_no_more(store: TaskStore) -> None:
    task = counted(store)
    store.delete(task.ref)
    assert store.count_pending(AGENT, 10, NOW) == 0


class SmallPages:
    """A client whose queries answer two entries at most."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def query(self, **arguments: Any) -> Any:
        return self.client.query(**arguments | {"Limit": min(2, arguments["Limit"])})


def test_pages_are_counted_together(account: Account) -> None:
    for number in range(5):
        counted(account.store, number)
    store = DynamoDBTaskStore(SmallPages(account.dynamodb), account.store.table)  # type: ignore[arg-type]
    assert [store.count_pending(AGENT, limit, NOW) for limit in (1, 3, 5, 9)] == [1, 3, 5, 5]


def test_only_numbers_are_read(account: Account) -> None:
    counted(account.store)
    account.calls.made.clear()
    account.store.count_pending(AGENT, 10, NOW)
    assert {call.operation for call in account.calls.made} == {"Query"}
    assert {call.parameters["Select"] for call in account.calls.made} == {"COUNT"}


LONG_LINE = 10_000


def test_a_long_line_is_counted_by_one_for_all(account: Account) -> None:
    counted(account.store)
    first = account.store.count_pending(AGENT, LONG_LINE, NOW)
    counted(account.store, 1)
    account.calls.made.clear()

    assert [account.store.count_pending(AGENT, LONG_LINE, NOW + ms) for ms in (0, 1_999)] == [first, first]
    assert [call.operation for call in account.calls.made] == ["GetItem", "GetItem"]
    assert account.store.count_pending(AGENT, LONG_LINE, NOW + 2_000) == 2


def test_two_do_not_count_it_at_once(account: Account) -> None:
    """What was read is what another process had read too, which has begun to count meanwhile."""
    counted(account.store)
    account.store.count_pending(AGENT, LONG_LINE, NOW)
    counted(account.store, 1)
    stale = Stale(account.dynamodb)
    store = DynamoDBTaskStore(stale, account.store.table)  # type: ignore[arg-type]
    assert store.count_pending(AGENT, LONG_LINE, NOW + 2_000) == 2
    account.calls.made.clear()

    assert store.count_pending(AGENT, LONG_LINE, NOW + 2_000) == 1, "the count that is over is used once more"
    assert account.calls.of("Query") == []


def test_whoever_dies_while_counting_leaves_the_count_to_the_next(account: Account) -> None:
    counted(account.store)
    account.store.count_pending(AGENT, LONG_LINE, NOW)
    counted(account.store, 1)
    account.calls.fail("Query")
    with pytest.raises(StoreUnavailable):
        account.store.count_pending(AGENT, LONG_LINE, NOW + 2_000)

    assert account.store.count_pending(AGENT, LONG_LINE, NOW + 3_000) == 1
    assert account.store.count_pending(AGENT, LONG_LINE, NOW + 4_000) == 2


class Stale:
    """A client that reads an item as it was when it read it first."""

    def __init__(self, client: Any) -> None:
        self.client, self.read = client, None

    def get_item(self, **arguments: Any) -> Any:
        self.read = self.read or self.client.get_item(**arguments)
        return self.read

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)
