"""What is DynamoDB's alone about lists and reports: what they read, and what an end leaves for them."""

from dataclasses import replace
from decimal import Decimal

import pytest

from a2a_tasks.adapters.dynamodb.tasks import listing
from a2a_tasks.domain.ids import IdRange, oldest_task_id
from a2a_tasks.domain.task import Status
from a2a_tasks.domain.task_filter import TaskFilter
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.tasks import Advance, InvalidCursor, TaskPage, Written
from tests.integration.support.account import AGENT, OTHER_AGENT, Account
from tests.integration.support.stored_task import ANYTHING, NOW, STATES, created, outcome


def test_a_whole_id_finds_its_task_without_looking_at_others(account: Account) -> None:
    tasks = [created(account.store, NOW + n) for n in range(30)]
    wanted = TaskFilter(id_part=tasks[7].ref.task_id)
    account.calls.made.clear()

    page = account.store.search([AGENT], wanted, 20, None, NOW)

    assert [task.ref for task in page.tasks] == [tasks[7].ref]
    assert [call.operation for call in account.calls.made] == ["Query"] * 4 + ["BatchGetItem"]
    assert account.store.search([AGENT], wanted, 20, tasks[7].ref.task_id, NOW) == TaskPage([], None)


def test_a_sparse_list_goes_on_behind_its_cursor(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LOOKED_AT", 10)
    oldest = created(account.store, NOW)
    for n in range(25):
        created(account.store, NOW + 1 + n, number=n, agent_id=[AGENT, OTHER_AGENT][n % 2])
    wanted = TaskFilter(id_part=oldest.ref.task_id[:-1])

    pages = [account.store.search([AGENT, OTHER_AGENT], wanted, 5, None, NOW)]
    while pages[-1].cursor is not None:
        pages.append(account.store.search([AGENT, OTHER_AGENT], wanted, 5, pages[-1].cursor, NOW))

    assert [len(page.tasks) for page in pages] == [0, 0, 1]


@pytest.mark.parametrize(
    "position", ["", "4.x", f"4.{oldest_task_id(NOW)}", f"-1.{oldest_task_id(NOW)}", "0.1"]
)
def test_a_position_that_nobody_gave_is_refused(account: Account, position: str) -> None:
    with pytest.raises(InvalidCursor):
        account.store.ended(AGENT, IdRange(), position, 10)


USED = Usage(10, 20, 3, 4, 1, Decimal("0.25"))
SPENT = (
    Spent(1, "claude-sonnet-5-5", USED),
    Spent(2, "claude-sonnet-5-5", USED),
    Spent(2, "no-price", Usage(1, 1, turns=1)),
    Spent(2, "claude-haiku-5-5", USED, task_id="a child's"),
)


def test_an_ended_task_tells_who_handed_it_over_and_what_its_own_turns_used(account: Account) -> None:
    task = created(account.store, key_id="abcdefghijklmnop")
    STATES[Status.RUNNING](account.store, task, NOW)
    running = account.store.get(task.ref)
    assert running is not None
    account.store.advance(task.ref, running.fence, Advance(NOW, spent=SPENT))
    assert account.store.ended(AGENT, IdRange(), None, 10).tasks == []
    # whoever cancels it has read it before that
    result = account.store.finish(task.ref, replace(outcome(Status.CANCELED), seen=()), ANYTHING)
    assert isinstance(result, Written)

    (ended,) = account.store.ended(AGENT, IdRange(), None, 10).tasks

    assert (ended.key_id, ended.status) == ("abcdefghijklmnop", Status.CANCELED)
    assert ended.used == {"claude-sonnet-5-5": USED + USED, "no-price": Usage(1, 1, turns=1)}
    account.store.add_partial_output(task.ref, running.fence, None, SPENT[:1])
    (ended,) = account.store.ended(AGENT, IdRange(), None, 10).tasks
    assert ended.used == {"claude-sonnet-5-5": USED}
