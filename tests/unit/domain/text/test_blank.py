"""What shows nothing, and that all of the service means the same by it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.text.blank import is_blank


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\r\n",
        "\u3000",
        "\u00a0",
        "\u2028",
        "\x1c",
        "\x00",
        "\u200b\u200d",
        "\ufeff",
        "\u3164",
        "\u00ad",
    ],
)
def test_a_text_that_shows_nothing_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["x", " . ", "。", "\u200bу", "👩\u200d💻", "\u2800", "\u0301", "\ud800"])
def test_whatever_shows_is_not(text: str) -> None:
    assert not is_blank(text)


@given(st.text())
def test_what_the_messages_api_refuses_is_blank(text: str) -> None:
    if not text.strip():
        assert is_blank(text)


@given(st.characters(categories=("L", "N", "P", "S"), max_codepoint=0x10FFFF))
def test_no_letter_figure_or_sign_is_blank(character: str) -> None:
    is_filler = "FILLER" in unicodedata.name(character, "")
    assert is_blank(character) is is_filler


def test_a_long_blank_text_takes_no_time_to_speak_of() -> None:
    """The worst that one request can bring."""
    assert is_blank("\u200b" * 5_000_000)
