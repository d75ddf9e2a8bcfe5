"""What JSON from outside may hold: the same by its text and by its values, and without building anything."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.text import json_limits
from a2a_tasks.domain.text.json_limits import MAX_DEPTH, MAX_VALUES, TOO_DEEP, TOO_MANY, BeyondLimits
from a2a_tasks.domain.text.json_text import TooLong, deserialize, indented

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def problem_of(text: str) -> str | None:
    try:
        json_limits.check_text(text)
    except BeyondLimits as error:
        return str(error)
    return None


def problem_of_value(value: Any) -> str | None:
    try:
        json_limits.check_value(value)
    except BeyondLimits as error:
        return str(error)
    return None


@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_depth_has_a_limit(pair: str) -> None:
    opened, closed = ('{"a":', "}") if pair == "{}" else ("[", "]")
    fits = opened * (MAX_DEPTH - 1) + pair + closed * (MAX_DEPTH - 1)
    exceeds = opened + fits + closed

    assert (problem_of(fits), problem_of_value(json.loads(fits))) == (None, None)
    assert (problem_of(exceeds), problem_of_value(json.loads(exceeds))) == (TOO_DEEP, TOO_DEEP)


@pytest.mark.parametrize("value", [[0] * (MAX_VALUES + 1), {str(n): 0 for n in range(MAX_VALUES + 1)}])
def test_values_are_counted(value: Any) -> None:
    assert (problem_of(json.dumps(value)), problem_of_value(value)) == (TOO_MANY, TOO_MANY)


@pytest.mark.parametrize(
    "value", [[0] * 99_000, {str(n): {"a": 1} for n in range(49_000)}, "[{,}]" * 200_000]
)
def test_what_is_below_the_limits_is_taken(value: Any) -> None:
    assert (problem_of(json.dumps(value)), problem_of_value(value)) == (None, None)


def test_brackets_in_strings_do_not_count() -> None:
    value = {"[" * 50 + '\\"' + "{" * 50: "]" * 50 + '"' + "\\"}

    assert problem_of(json.dumps(value)) is None
    assert deserialize(json.dumps(value)) == value


@pytest.mark.parametrize("text", ['"' + '\\"' * 500_000, '""' * 500_000, "]" * 500_000, "\\" * 500_000])
def test_what_is_no_json_is_measured_too(text: str) -> None:
    assert problem_of(text) in (None, TOO_MANY)
    with pytest.raises(json.JSONDecodeError):
        deserialize(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (nested(9_000), TOO_DEEP),
        ("[" * 1_000_000, TOO_DEEP),
        (f"[{'0,' * 2_500_000}0]", TOO_MANY),
        ("[NaN]", "is not valid JSON"),
        ("[-Infinity]", "is not valid JSON"),
        ("1" * 5_000, "is not valid JSON"),
        ("", "is not valid JSON"),
    ],
)
def test_what_is_wrong_is_told(text: str, problem: str) -> None:
    with pytest.raises(json.JSONDecodeError) as refused:
        deserialize(text)

    assert refused.value.msg == problem


@pytest.mark.parametrize("value", [1e999, -1e999, 1e999 - 1e999, 10**400, "\ud800", {"\udfff": 1}])
def test_what_is_no_json_among_values_is_refused(value: Any) -> None:
    assert problem_of_value([value]) is not None


def test_a_value_that_is_within_itself_is_too_deep() -> None:
    endless: list[Any] = []
    endless.append(endless)

    assert problem_of_value(endless) == TOO_DEEP


def test_a_value_is_counted_wherever_it_is_referred_to() -> None:
    value: Any = "lol"
    for _ in range(9):
        value = [value] * 10

    assert problem_of_value(value) == TOO_MANY


@given(JSON)
def test_text_and_values_agree(value: Any) -> None:
    """As far as both can tell: a text's size, and half a pair in it, are not looked at."""
    assert deserialize(json.dumps(value)) == value
    assert problem_of_value(value) is None


@given(JSON)
def test_indented_text_is_as_long_as_it_may_be_and_no_longer(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)

    assert indented(value, len(text)) == text
    with pytest.raises(TooLong):
        indented(value, len(text) - 1)


def test_what_would_be_too_long_is_not_built() -> None:
    """80 MB of it."""
    value = json.loads(nested(9_000))

    tracemalloc.start()
    with pytest.raises(TooLong):
        indented(value, 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 100_000


def test_the_longest_context_of_all_is_refused_by_its_indentation_alone() -> None:
    value: Any = [0] * 99_000
    for _ in range(30):
        value = [value]

    assert problem_of(json.dumps(value)) is None
    with pytest.raises(TooLong):
        indented(value, 1_048_576)
