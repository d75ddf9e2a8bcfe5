"""What all stores on DynamoDB share, where moto does not answer as DynamoDB may."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from a2a_tasks.adapters.dynamodb.store import ALWAYS, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate, when
from a2a_tasks.ports.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = {"pk": "A", "sk": "B"}


@dataclass(frozen=True)
class Pairs(Store):
    """A store with one of each write."""

    def put_both(self) -> bool:
        return self._transact(("Put", KEY, when("attribute_not_exists(pk)")), ("Delete", KEY, ALWAYS))

    def add(self) -> tuple[bool, dict[str, Any]]:
        return self._update(KEY, ItemUpdate().add(count=1).when("attribute_exists(pk)"), "ALL_NEW")

    def read_both(self) -> list[dict[str, Any]]:
        return self._get_all([KEY, KEY | {"sk": "C"}])


@pytest.fixture
def answers() -> Iterator[Stubber]:
    client = boto3.client(
        "dynamodb", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        yield stubber


@pytest.fixture
def pairs(answers: Stubber) -> Pairs:
    return Pairs(cast("DynamoDBClient", answers.client), "tasks")


@pytest.mark.parametrize("reason", ["ConditionalCheckFailed", "TransactionConflict"])
def test_a_transaction_that_came_second_is_refused(answers: Stubber, pairs: Pairs, reason: str) -> None:
    cancel(answers, "None", reason)

    assert not pairs.put_both()


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_one_that_was_canceled_for_want_of_capacity_says_nothing_of_its_condition(
    answers: Stubber, pairs: Pairs, reason: str
) -> None:
    cancel(answers, reason, "None")

    with pytest.raises(StoreUnavailable):
        pairs.put_both()


@pytest.mark.parametrize("there", [{}, {"Item": {"pk": {"S": "A"}, "count": {"N": "7"}}}])
def test_a_refused_write_brings_the_item_if_there_is_one(
    answers: Stubber, pairs: Pairs, there: dict[str, Any]
) -> None:
    answers.add_client_error(
        "update_item", "ConditionalCheckFailedException", modeled_fields=there, expected_params=None
    )

    is_made, item = pairs.add()

    assert not is_made
    assert item == ({"pk": "A", "count": 7} if there else {})


def test_what_was_left_unread_is_read_and_no_answer_at_all_is_unavailable(
    answers: Stubber, pairs: Pairs
) -> None:
    first, second = ({"pk": {"S": "A"}, "sk": {"S": sort}} for sort in "BC")
    for found, left in (([first], [second]), ([second], [])):
        unread = {"tasks": {"Keys": left}} if left else {}
        answers.add_response("batch_get_item", {"Responses": {"tasks": found}, "UnprocessedKeys": unread})
    answers.add_response(
        "batch_get_item", {"Responses": {}, "UnprocessedKeys": {"tasks": {"Keys": [first, second]}}}
    )

    assert pairs.read_both() == [KEY, KEY | {"sk": "C"}]
    with pytest.raises(StoreUnavailable):
        pairs.read_both()


def cancel(answers: Stubber, *reasons: str) -> None:
    answers.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": [{"Code": reason} for reason in reasons]},
    )
