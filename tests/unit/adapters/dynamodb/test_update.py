"""Conditional writes of DynamoDB put together: what the client is given."""

import pytest

from a2a_tasks.adapters.dynamodb.update import ItemUpdate, when


def test_an_update_has_each_clause_once_and_what_its_placeholders_stand_for() -> None:
    update = ItemUpdate().set(status="RUNNING", turns=None).add(fence=1).remove("heldBy", "#events[3]")

    assert update.assign("told = list_append(told, :more)", more=["x"]).arguments() == {
        "UpdateExpression": (
            "SET #status = :status, told = list_append(told, :more) ADD #fence :fence"
            " REMOVE #heldBy, #events[3]"
        ),
        "ExpressionAttributeNames": {
            "#events": "events",
            "#fence": "fence",
            "#heldBy": "heldBy",
            "#status": "status",
        },
        "ExpressionAttributeValues": {
            ":status": {"S": "RUNNING"},
            ":fence": {"N": "1"},
            ":more": {"L": [{"S": "x"}]},
        },
    }


def test_what_dynamodb_refuses_to_get_empty_is_left_out() -> None:
    assert when("attribute_not_exists(pk)").arguments() == {"ConditionExpression": "attribute_not_exists(pk)"}
    assert ItemUpdate().remove("a").arguments() == {
        "UpdateExpression": "REMOVE #a",
        "ExpressionAttributeNames": {"#a": "a"},
    }


def test_alternatives_are_apart_from_other_conditions_and_else_without_parentheses() -> None:
    either = ItemUpdate().set(a=1).when("a < :most", "b < :most", most=2)

    assert either.arguments()["ConditionExpression"] == "a < :most OR b < :most"
    assert (
        either.when("attribute_exists(pk)").arguments()["ConditionExpression"]
        == "(a < :most OR b < :most) AND attribute_exists(pk)"
    )


def test_a_name_that_cannot_be_a_placeholder_has_one() -> None:
    removal = ItemUpdate(names={"server": "my-server"}).remove("mcpServers.#server").arguments()

    assert removal["ExpressionAttributeNames"] == {"#server": "my-server"}


def test_two_values_under_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="given twice: until"):
        ItemUpdate().set(until=2).when("#until = :until", until=1)


def test_what_is_none_is_left_as_it_is_or_removed() -> None:
    assert ItemUpdate().set(a=1, b=None).arguments()["UpdateExpression"] == "SET #a = :a"
    assert ItemUpdate().set_or_remove(a=1, b=None).arguments()["UpdateExpression"] == "SET #a = :a REMOVE #b"
