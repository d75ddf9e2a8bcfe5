"""Nothing that a model writes is a link in a chat."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.protocol.links import broken, unlinked
from a2a_tasks.wecom.protocol.text import to_plain, unlinked_end


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        (
            "See [our site](https://evil.example/?q=secret).",
            "See our site (`https://evil.example/?q=secret`).",
        ),
        ("![](https://evil.example/p.png)", "`https://evil.example/p.png`"),
        ('![x](https://evil.example/p.png "t")', "x (`https://evil.example/p.png`)"),
        ("[a](//evil.example/x)", "a (`//evil.example/x`)"),
        ("[a](<https://evil.example/x>)", "a (`https://evil.example/x`)"),
        ("[https://good.example](https://evil.example)", "`https://good.example` (`https://evil.example`)"),
        ("<https://evil.example>", "<`https://evil.example`>"),
        ("详见 https://evil.example/a。谢谢", "详见 `https://evil.example/a`。谢谢"),
        ("www.evil.example/a and weixin://x", "`www.evil.example/a` and `weixin://x`"),
        ('<a href="https://evil.example">x</a>', '(a href="`https://evil.example`">x(/a>'),
        ("[a](https://evil.example/b_(c))", "[a] (`https://evil.example/b_`(c))"),
        ("`https://in.code` stays", "`https://in.code` stays"),
        ("```sh\ncurl https://in.code\n```\nhttps://out", "```sh\ncurl https://in.code\n```\n`https://out`"),
        ("```not a fence``` https://out", "'''not a fence''' `https://out`"),
        ("a ` b https://out", "a ' b `https://out`"),
        ("``x` https://in.code`", "''x` https://in.code`"),
        ("```\n```sh\n```\nhttps://out", "```\n```sh\n```\n`https://out`"),
        ("> ```\n> https://out", "> '''\n> `https://out`"),
        ("1 < 2, a[0](x) and [done]", "1 < 2, a0 (`x`) and [done]"),
        ("", ""),
    ],
)
def test_links_are_their_labels_and_addresses(markdown: str, shown: str) -> None:
    assert unlinked(markdown) == shown
    assert unlinked(shown) == shown


@pytest.mark.parametrize(
    "markdown",
    ["[our site](https://evil.example/?q=http://other.example)", "```\nhttps://evil.example\n```"],
)
def test_clients_that_link_plain_text_find_no_address(markdown: str) -> None:
    shown = broken(to_plain(unlinked(markdown)))

    assert "://" not in shown
    assert "evil[.]example" in shown


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "](" * 100_000, "![" * 100_000, "`" * 200_001, "https://" * 50_000]
)
def test_a_line_without_an_end_to_its_marks_costs_no_square(text: str) -> None:
    before = time.process_time()
    assert len(unlinked(text)) <= 3 * len(text)
    assert time.process_time() - before < 5


@pytest.mark.parametrize("separator", ["\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_line_begins_for_a_client_where_it_does_for_us(separator: str) -> None:
    """Else what is code here, and so left as it is, is a link there."""
    text = f"Look:{separator}```\n[here](https://evil.example)\n"

    assert unlinked(text) == "Look:\n```\n[here](https://evil.example)\n"


MARKS = st.sampled_from(["[", "](", ")", "`", "```", "https://a.b", "www.a", "!", "<a", "\n", "a", " ", "<"])


@given(st.lists(MARKS, max_size=14).map("".join))
def test_what_is_shown_can_be_told_from_what_is_still_to_be_shown(markdown: str) -> None:
    shown = unlinked(markdown)
    assert unlinked(shown) == shown


CODE = [
    "```\n[here](https://evil.example/a)\n```",
    "`https://evil.example/a` " * 9,
    "https://evil.example/a " * 9,
]


@pytest.mark.parametrize("text", CODE)
def test_what_is_cut_at_its_beginning_holds_no_link(text: str) -> None:
    """What is cut off may be where its code begins."""
    for limit in range(len(text) + 9):
        shown = unlinked_end(text, limit)
        assert unlinked(shown) == shown
        assert len(shown.encode()) <= limit
    assert unlinked_end(text, 1_000) == unlinked(text)
