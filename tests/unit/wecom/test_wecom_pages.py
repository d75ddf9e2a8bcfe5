"""A result in pages: nothing of it is lost, none is too long, and none holds a link of the model's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.protocol.links import unlinked
from a2a_tasks.wecom.protocol.text import cut_markdown, split_markdown
from a2a_tasks.wecom.result_texts import ResultText, page_of

LINES = st.lists(
    st.sampled_from(["```", "```python", "长" * 30, "a b c", "", "`https://a.b` c", "x" * 90]), max_size=60
).map("\n".join)
LINKS = tuple(f"- [{n}.txt](https://payloads.example/{n}{'a' * 150})" for n in range(9))


def unfenced(text: str) -> list[str]:
    """The lines without the marks of code and the numbers."""
    return [line for line in text.splitlines() if line and not re.match(r"```|\d+/\d+$", line)]


def ends_in_code(part: str) -> bool:
    """Within code a mark with a language is text (https://spec.commonmark.org/0.31.2/#fenced-code-blocks)."""
    is_code = False
    for line in part.splitlines():
        is_code = line != "```" if is_code else line.startswith("```")
    return is_code


@given(LINES, st.integers(200, 900))
def test_code_goes_on_in_the_next_part_as_code(text: str, limit: int) -> None:
    for parts in (split_markdown(text, limit), cut_markdown(text, limit)):
        assert all(len(part.encode()) <= limit for part in parts)
        if len(parts) > 1:
            assert not any(ends_in_code(part) for part in parts[:-1])
        shown = "".join("".join(unfenced(part)) for part in parts)
        assert shown == "".join(unfenced(text))


def test_a_part_in_the_middle_of_code_names_its_language_again() -> None:
    text = "Look:\n```python\n" + "x = 1\n" * 60 + "```\nDone."
    parts = cut_markdown(text, 264)
    assert all("```python" in part for part in parts[:-1])
    assert parts[-1].endswith("```\nDone.")


@pytest.mark.parametrize(
    "text",
    [
        "```\n[here](https://evil.example/a)\n```",
        "`https://evil.example/a` " * 40,
        "https://evil.example/a " * 40,
    ],
)
def test_no_page_holds_a_link_of_the_model_s(text: str) -> None:
    whole = unlinked(text)
    for limit in range(120, len(whole) + 9):
        for page in ResultText(whole).pages(limit):
            assert unlinked(page) == page
            assert len(page.encode()) <= limit


@given(LINES, st.integers(500, 3_000))
def test_every_link_is_on_a_page_whole(text: str, limit: int) -> None:
    pages = ResultText(text, "Files:", LINKS).pages(limit)
    assert all(len(page.encode()) <= limit for page in pages)
    shown = [line for page in pages for line in page.splitlines()]
    assert [line for line in shown if line.startswith("- [")] == list(LINKS)
    assert shown.count("Files:") == 1


def test_a_page_says_how_the_next_is_asked_for() -> None:
    pages = ["one", "two"]
    assert page_of(pages, 3, 1, Language.ZH).endswith("发送 /结果 3 2 查看下一页。）")
    assert page_of(pages, 3, 2, Language.EN).endswith("(Page 2 of 2, the last)")
    assert page_of(["all"], 1, 1, Language.ZH) == "all"
