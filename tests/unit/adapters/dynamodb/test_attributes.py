"""Attribute values of DynamoDB: those that boto3 makes of the same values."""

from decimal import Decimal
from typing import Any, cast

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes

NUMBERS = st.integers(-(10**38) + 1, 10**38 - 1) | st.decimals(min_value=-(10**9), max_value=10**9, places=9)
SETS = st.frozensets(st.text(), min_size=1) | st.frozensets(st.integers(0, 10**9), min_size=1)
SCALARS = st.none() | st.booleans() | st.text() | NUMBERS | st.binary() | SETS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner)
)


def by_boto3(attribute: dict[str, Any]) -> Any:
    """What boto3 reads, with plain bytes."""
    return _plain(TypeDeserializer().deserialize(cast(Any, attribute)))


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
    return bytes(value) if hasattr(value, "value") else value


@given(VALUES.filter(lambda value: value is not None))
def test_values_are_written_and_read_as_boto3_does(value: Any) -> None:
    written = to_attributes({"it": value})

    assert written == {"it": TypeSerializer().serialize(value)}
    assert from_attributes(written) == {"it": by_boto3(written["it"])}


def test_what_is_none_is_left_out_of_an_item_but_not_of_what_is_in_it() -> None:
    assert to_attributes({"no": None, "list": [None]}) == {"list": {"L": [{"NULL": True}]}}


@pytest.mark.parametrize("number", [10**38 + 1, Decimal("1E-170"), Decimal("1E+127")])
def test_a_number_that_dynamodb_would_round_is_an_error(number: int | Decimal) -> None:
    with pytest.raises(ArithmeticError):
        to_attributes({"it": number})


@pytest.mark.parametrize(
    "value", [0.5, {0.5}, {1, "a"}, frozenset(), object(), Decimal("NaN"), Decimal("Infinity"), [0.5]]
)
def test_what_dynamodb_does_not_take_is_an_error(value: object) -> None:
    with pytest.raises(TypeError, match="DynamoDB takes no"):
        to_attributes({"it": value})


def test_a_kind_that_is_never_written_is_an_error() -> None:
    with pytest.raises(TypeError, match="BS"):
        from_attributes({"it": {"BS": [b"a"]}})
