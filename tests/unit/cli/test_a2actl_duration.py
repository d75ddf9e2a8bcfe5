"""Spans of time as operators write them."""

import pytest

from a2actl.terminal.duration import format_elapsed, parse_duration
from a2actl.terminal.fault import Fault


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("500ms", 500),
        ("90s", 90_000),
        ("5m", 300_000),
        ("2h", 7_200_000),
        (" 90d ", 7_776_000_000),
        ("4w", 2_419_200_000),
    ],
)
def test_a_number_and_a_unit(text: str, milliseconds: int) -> None:
    assert parse_duration(text, "--timeout") == milliseconds


@pytest.mark.parametrize("text", ["", "5", "0s", "-5m", "1.5h", "5 m", "5y", "m", "9" * 16 + "s", "1h30m"])
def test_anything_else_is_refused_by_the_option_s_name(text: str) -> None:
    with pytest.raises(Fault, match=r"^--expires takes a number above zero with a unit"):
        parse_duration(text, "--expires")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (3_599, "59 min 59 s"), (3_720, "1 h 02 min")],
)
def test_elapsed_time_for_people(seconds: float, text: str) -> None:
    assert format_elapsed(seconds) == text
