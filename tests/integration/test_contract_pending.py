"""Tasks that nobody has begun yet: which ones a ``TaskStore`` counts, on DynamoDB and in memory."""

from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb_tasks import DynamoDBTaskStore
from a2a_tasks.domain.task import Lane, Status, Task, guard_of_worker
from a2a_tasks.ports.tasks import Claim, Refused, TaskStore
from tests.integration.account import AGENT, OTHER_AGENT, Account
from tests.integration.stored_task import NOW, STATES, WORKER, claimed, created, given_back, outcome


def counted(store: TaskStore, number: int = 0, **changes: Any) -> Task:
    return created(store, number=number, counts_as_pending=True, **changes)


def test_tasks_count_that_nobody_has_begun(store: TaskStore) -> None:
    assert store.count_pending(AGENT, 10) == 0
    counted(store, 1)
    counted(store, 2, not_before=NOW + 60_000)
    counted(store, 3, lane=Lane.BATCH)
    assert store.count_pending(AGENT, 10) == 3


def test_a_task_of_an_agent_without_a_limit_does_not_count(store: TaskStore) -> None:
    created(store)
    assert store.count_pending(AGENT, 10) == 0


def test_each_agent_has_its_own(store: TaskStore) -> None:
    counted(store, agent_id=OTHER_AGENT)
    assert (store.count_pending(AGENT, 10), store.count_pending(OTHER_AGENT, 10)) == (0, 1)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PENDING])
def test_a_task_that_has_begun_or_ended_counts_no_more(store: TaskStore, status: Status) -> None:
    task = counted(store)
    after = STATES[status](store, task, NOW)
    assert not after.counts_as_pending
    assert store.count_pending(AGENT, 10) == 0


def test_a_task_that_waits_for_another_attempt_has_begun(store: TaskStore) -> None:
    task = counted(store)
    given_back(store, claimed(store, task, NOW))
    assert store.count_pending(AGENT, 10) == 0


def test_a_claim_or_an_end_that_is_refused_changes_nothing(store: TaskStore) -> None:
    task = counted(store)
    stale = store.claim(task.ref, Claim("stale", NOW, WORKER, fence=7))
    late = store.finish(task.ref, outcome(Status.COMPLETED), guard_of_worker(1))
    assert stale == late == Refused(task)
    assert store.count_pending(AGENT, 10) == 1


def test_no_more_are_counted_than_matter(store: TaskStore) -> None:
    for number in range(5):
        counted(store, number)
    assert [store.count_pending(AGENT, limit) for limit in (1, 4, 5, 6)] == [1, 4, 5, 5]


def test_a_deleted_task_counts_no_more(store: TaskStore) -> None:
    task = counted(store)
    store.delete(task.ref)
    assert store.count_pending(AGENT, 10) == 0


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
    assert [store.count_pending(AGENT, limit) for limit in (1, 3, 5, 9)] == [1, 3, 5, 5]


def test_only_numbers_are_read(account: Account) -> None:
    counted(account.store)
    account.calls.made.clear()
    account.store.count_pending(AGENT, 10)
    (call,) = account.calls.made
    assert (call.operation, call.parameters["Select"]) == ("Query", "COUNT")
