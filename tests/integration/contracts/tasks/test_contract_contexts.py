"""The contract of ``ContextStore``: the same on DynamoDB and in memory."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.domain.task import ContextRef
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import ContextStore
from tests.integration.support.account import AGENT, OTHER_AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, new_task
from tests.twins.stores.contexts import MemoryContexts

TALK = ContextRef(AGENT, "talk")
IDS = [new_task(NOW + n).ref.task_id for n in range(6)]


@pytest.fixture(params=["dynamodb", "memory"])
def contexts(request: pytest.FixtureRequest) -> ContextStore:
    if request.param == "memory":
        return MemoryContexts()
    opened: ContextStore = request.getfixturevalue("account").contexts
    return opened


@pytest.fixture
def talk(contexts: ContextStore) -> ContextStore:
    """With six tasks, which came in any order."""
    for task_id in (IDS[3], IDS[0], IDS[5], IDS[1], IDS[4], IDS[2]):
        contexts.add(TALK, task_id)
    return contexts


def test_at_first_there_is_nothing(contexts: ContextStore) -> None:
    assert contexts.page(TALK, None, 10) == []
    assert contexts.newest(TALK, IDS[0], 10) == []
    contexts.remove(TALK, IDS[0])


def test_tasks_are_in_the_order_of_their_ids(talk: ContextStore) -> None:
    assert talk.page(TALK, None, 10) == IDS


def test_pages_go_on_after_a_task(talk: ContextStore) -> None:
    assert talk.page(TALK, None, 2) == IDS[:2]
    assert talk.page(TALK, IDS[1], 3) == IDS[2:5]
    assert talk.page(TALK, IDS[5], 3) == []


def test_a_page_goes_on_after_a_task_that_is_gone(talk: ContextStore) -> None:
    talk.remove(TALK, IDS[2])
    assert talk.page(TALK, IDS[2], 2) == IDS[3:5]


def test_the_newest_before_a_task_come_oldest_first(talk: ContextStore) -> None:
    assert talk.newest(TALK, IDS[4], 3) == IDS[1:4]
    assert talk.newest(TALK, IDS[2], 10) == IDS[:2]
    assert talk.newest(TALK, IDS[0], 10) == []


def test_adding_and_removing_again_changes_nothing(talk: ContextStore) -> None:
    for _ in range(2):
        talk.add(TALK, IDS[1])
        talk.remove(TALK, IDS[3])
    assert talk.page(TALK, None, 10) == IDS[:3] + IDS[4:]


@pytest.mark.parametrize("other", [ContextRef(AGENT, "talk2"), ContextRef(OTHER_AGENT, "talk")])
def test_conversations_do_not_meet(talk: ContextStore, other: ContextRef) -> None:
    talk.add(other, IDS[0])
    talk.remove(other, IDS[1])
    assert talk.page(other, None, 10) == IDS[:1]
    assert talk.page(TALK, None, 10) == IDS


def test_many_at_once_are_all_there(contexts: ContextStore) -> None:
    many = sorted(new_task(number=n).ref.task_id for n in range(32))
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda task_id: contexts.add(TALK, task_id), many))
    assert contexts.page(TALK, None, 100) == many


def test_an_entry_is_deleted_by_the_table_long_after_its_task_would_be(account: Account) -> None:
    account.contexts.add(TALK, IDS[0])
    (item,) = account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"]
    days = (int(item["ttl"]["N"]) - NOW / 1000) / 86_400
    assert days == pytest.approx(37)


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED, Fault.ANSWER_LOST])
@pytest.mark.parametrize("operation", ["PutItem", "DeleteItem", "Query"])
def test_a_store_that_does_not_answer_says_so(account: Account, operation: str, fault: Fault) -> None:
    account.calls.fail(operation, fault)
    contexts = account.contexts

    def call() -> None:
        contexts.add(TALK, IDS[0])
        contexts.page(TALK, None, 1)
        contexts.newest(TALK, IDS[0], 1)
        contexts.remove(TALK, IDS[0])

    with pytest.raises(StoreUnavailable):
        call()
    call()
    assert contexts.page(TALK, None, 1) == []
