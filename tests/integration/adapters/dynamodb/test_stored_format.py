"""The version of the stored format: in every item, whoever writes it, and noticed where it is a later one.

That it is in each item of both tables is checked after every test that has an account (conftest.py).
"""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from a2a_tasks.adapters.dynamodb.stored_format import NAME, VERSION, NewerFormat
from tests.integration.support.account import AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.moto.state import unversioned_items
from tests.integration.support.stored_task import NOW, claimed, created, new_task

LATER = {"N": str(VERSION + 1)}
REF = new_task().ref
KEY = {"pk": {"S": f"TASK#{REF.task_id}"}, "sk": {"S": f"TASK#{REF.agent_id}"}}


def item(account: Account, key: dict[str, Any] = KEY) -> dict[str, Any]:
    table = account.resources["TasksTable"]
    return account.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]


@pytest.fixture
def later(account: Account) -> Account:
    created(account.store)
    whole = item(account) | {NAME: LATER}
    account.dynamodb.put_item(TableName=account.resources["TasksTable"], Item=whole)
    return account


def test_what_has_none_is_found_after_a_test(account: Account) -> None:
    table, key = account.resources["TasksTable"], {"pk": {"S": "a"}, "sk": {"S": "b"}}
    boto3.client("dynamodb").put_item(TableName=table, Item=key)

    assert unversioned_items() == [key]
    account.dynamodb.delete_item(TableName=table, Key=key)


def test_what_is_put_and_what_an_update_creates_has_the_version(account: Account) -> None:
    created(account.store)
    account.spend.add_spend("demo", "2026-01-01", new_task().usage)

    assert item(account)[NAME] == {"N": str(VERSION)}
    assert item(account, {"pk": {"S": "SPEND#demo"}, "sk": {"S": "2026-01-01"}})[NAME] == {"N": str(VERSION)}


@pytest.mark.parametrize(
    "expression", ["REMOVE claimId", "ADD fence :one", "REMOVE claimId SET fence = :one", "SET fence = :one"]
)
def test_every_kind_of_update_keeps_it(account: Account, expression: str) -> None:
    values: dict[str, Any] = (
        {"ExpressionAttributeValues": {":one": {"N": "1"}}} if ":one" in expression else {}
    )
    table = account.resources["TasksTable"]

    account.dynamodb.update_item(TableName=table, Key=KEY, UpdateExpression=expression, **values)

    assert item(account)[NAME] == {"N": str(VERSION)}


READS: list[Callable[[Account], object]] = [
    lambda account: account.store.get(REF),
    lambda account: account.store.read(REF),
    lambda account: account.store.get_all([REF]),
    lambda account: account.store.enable_notifications(REF),
    lambda account: account.store.page(AGENT, None, 10, None),
]


@pytest.mark.parametrize("read", READS)
def test_an_item_of_a_later_release_is_a_clear_error(
    later: Account, read: Callable[[Account], object]
) -> None:
    with pytest.raises(NewerFormat, match=f"stored format {VERSION + 1}, and this release knows {VERSION}"):
        read(later)


def test_an_update_does_not_take_a_later_version_back(later: Account) -> None:
    with pytest.raises(NewerFormat):
        later.store.enable_notifications(REF)
    with pytest.raises(NewerFormat):
        later.store.get(REF)


def test_a_write_that_was_sent_twice_is_the_same(account: Account) -> None:
    account.calls.fail("PutItem", Fault.SENT_TWICE)
    claimed(account.store, created(account.store), NOW)
    assert item(account)[NAME] == {"N": str(VERSION)}
