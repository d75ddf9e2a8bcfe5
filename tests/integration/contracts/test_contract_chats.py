"""The contract of ``ChatStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.wecom.chats import DynamoDBChats
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import ChatState, ChatStore
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.chats import MemoryChats


@pytest.fixture(params=["dynamodb", "memory"])
def chats(request: pytest.FixtureRequest) -> ChatStore:
    if request.param == "memory":
        return MemoryChats()
    account: Account = request.getfixturevalue("account")
    return account.chats


def test_a_chat_begins_with_its_first_conversation(chats: ChatStore) -> None:
    assert chats.state("helper", "chat") == ChatState()


def test_each_message_that_begins_anew_does_so_once(chats: ChatStore) -> None:
    assert [chats.begin("helper", "chat", message) for message in ("m1", "m1", "m2", "m2")] == [1, 1, 2, 2]
    assert chats.state("helper", "chat").generation == 2


def test_chats_are_apart(chats: ChatStore) -> None:
    chats.begin("helper", "chat", "m1")
    assert {chats.state("helper", "other"), chats.state("other", "chat")} == {ChatState()}


def test_a_language_stays_chosen_in_the_next_conversation(chats: ChatStore) -> None:
    chats.choose_language("helper", "chat", Language.EN)
    assert chats.state("helper", "chat") == ChatState(0, Language.EN)
    chats.begin("helper", "chat", "m1")
    chats.choose_language("helper", "chat", Language.ZH)
    assert chats.state("helper", "chat") == ChatState(1, Language.ZH)


def test_a_message_that_comes_three_times_at_once_begins_one_conversation(account: Account) -> None:
    with ThreadPoolExecutor() as pool:
        assert set(pool.map(lambda _: account.chats.begin("helper", "chat", "m1"), range(3))) == {1}


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("GetItem", lambda store: store.state("helper", "chat")),
        ("UpdateItem", lambda store: store.begin("helper", "chat", "m1")),
        ("UpdateItem", lambda store: store.choose_language("helper", "chat", Language.EN)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[DynamoDBChats], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)
    with pytest.raises(StoreUnavailable):
        call(account.chats)
