"""Texts within WeCom's limits: nothing is lost, no character broken, no part too long."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.protocol.text import FOLDED_BYTES, fit, folded, split, strip_mention, to_plain
from a2a_tasks.wecom.users import is_allowed

texts = st.text(alphabet=st.sampled_from("ab \n中文🚀👍🏽\u200d\u0301é𠮷"), max_size=400) | st.text(
    max_size=400
)
FAMILY = "👩\u200d👩\u200d👧"


def without_number(part: str) -> str:
    numbered = re.match(r"\d+/\d+\n", part)
    assert numbered
    return part[numbered.end() :]


@given(texts, st.integers(min_value=16, max_value=300))
def test_parts_join_to_the_text_and_fit_with_their_numbers(text: str, limit: int) -> None:
    parts = split(text, limit)

    assert all(len(part.encode()) <= limit for part in parts)
    if len(parts) == 1:
        assert parts == [text]
    else:
        assert len(text.encode()) > limit
        assert "".join(without_number(part) for part in parts) == text
        assert [part.split("\n")[0] for part in parts] == [
            f"{n}/{len(parts)}" for n in range(1, len(parts) + 1)
        ]


@pytest.mark.parametrize("limit", [2048, 4096, 20_480])
def test_a_long_answer_takes_as_few_parts_as_it_can(limit: int) -> None:
    text = "中" * 30_000

    parts = split(text, limit)

    assert len(parts) == -(-90_000 // ((limit - len("99/99\n")) // 3 * 3))
    assert all(len(part.encode()) <= limit for part in parts)


def test_numbers_of_two_digits_have_room() -> None:
    parts = split("x" * 100, 14)

    assert [part[:6] for part in (parts[0], parts[-1])] == ["1/13\nx", "13/13\n"]
    assert "".join(without_number(part) for part in parts) == "x" * 100


def test_parts_end_with_a_line_unless_that_leaves_them_half_empty() -> None:
    assert split("1234567\n89\nabcdefg", 14) == ["1/2\n1234567\n", "2/2\n89\nabcdefg"]
    assert split("12\n3456789abcdefgh", 14) == ["1/2\n12\n3456789", "2/2\nabcdefgh"]


@pytest.mark.parametrize("whole", [FAMILY, "👍🏽", "e\u0301", "\r\n", "♥\ufe0f"])
def test_what_people_see_as_one_character_stays_in_one_part(whole: str) -> None:
    for before in range(40):
        parts = split("x" * before + whole + "y" * 60, 40)
        assert sum(whole in part for part in parts) == 1, parts


def test_a_character_that_never_ends_is_cut_all_the_same() -> None:
    endless = "e" + "\u0301" * 500

    parts = split(endless, 64)

    assert "".join(without_number(part) for part in parts) == endless


def test_a_limit_without_room_is_an_error_and_not_an_endless_loop() -> None:
    for limit in range(-1, 8):
        with pytest.raises(ValueError, match="no room"):
            split("🚀" * 10, limit)


@given(texts, st.integers(min_value=0, max_value=300))
def test_a_text_that_is_cut_says_so(text: str, limit: int) -> None:
    shown = fit(text, limit)

    assert len(shown.encode()) <= limit
    assert shown == text or limit <= 3 or (shown.endswith("…") and text.startswith(shown[:-1]))


@pytest.mark.parametrize(
    ("text", "bot_name", "rest"),
    [
        ("@小克 hello robot", "小克", "hello robot"),
        ("@小克 hello robot", None, "@小克 hello robot"),
        ("@小克\u2005hello", "小克", "hello"),
        ("@AI 助手 /new", "AI 助手", "/new"),
        ("/new @小克", "小克", "/new"),
        ("@小克 @小克 hello", "小克", "hello"),
        ("@小克，你好", "小克", "，你好"),
        ("@张三 的方案 @小克 怎么样", "小克", "@张三 的方案 @小克 怎么样"),
        ("@张三 的方案", "小克", "@张三 的方案"),
        ("@My Bot  hello", "My Bot", "hello"),
        ("  @小克\nhello\nagain ", "小克", "hello\nagain"),
        ("@小克", "小克", ""),
        ("@小克明 hello", "小克", "@小克明 hello"),
        ("hello @小克", "小克", "hello"),
        ("hello@小克", "小克", "hello@小克"),
        ("mail me@example.com", None, "mail me@example.com"),
        ("@a.b* x", "a.b*", "x"),
        ("@aXb x", "a.b", "@aXb x"),
        ("", None, ""),
    ],
)
def test_only_the_bot_s_own_mention_is_taken_off_at_the_beginning_and_the_end(
    text: str, bot_name: str | None, rest: str
) -> None:
    assert strip_mention(text, bot_name) == rest


def test_markdown_becomes_readable_without_a_renderer() -> None:
    markdown = (
        '## Result\n\n> It **works**, see [the docs](https://example.com/a "title") and `code`.\n'
        "- ~~old~~ new\n![chart](https://example.com/c.png)\n[https://x.y](https://x.y)\n"
        "```python\n# not a heading **here**\n```\n# End\n"
    )

    assert to_plain(markdown) == (
        "Result\n\nIt works, see the docs (https://example.com/a) and code.\n"
        "- old new\nchart https://example.com/c.png\nhttps://x.y\n"
        "# not a heading **here**\nEnd\n"
    )


@given(texts.filter(lambda text: not set(text) & set("#>*~`[")))
def test_text_without_marks_stays_as_it_is(text: str) -> None:
    assert to_plain(text) == text


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "**a " * 25_000, "![" * 50_000, "`a" * 50_000, "[a](" * 25_000]
)
def test_marks_without_an_end_cost_no_square(line: str) -> None:
    before = time.process_time()
    to_plain(line)

    assert time.process_time() - before < 5


def test_user_ids_are_the_same_in_either_case() -> None:
    assert is_allowed("LiLei", ["hanmeimei", "LILEI"])
    assert not is_allowed("LiLei", ["LiLei2"])
    assert not is_allowed("LiLei", [])


def test_progress_is_folded_and_cannot_unfold_itself() -> None:
    assert folded("") == ""
    assert folded("看笔记。") == "<think>看笔记。</think>\n"
    assert folded("a</think>b<THINK>c") == "<think>a(/think>b(THINK>c</think>\n"


@given(texts)
def test_what_is_folded_has_one_beginning_one_end_and_little_room(text: str) -> None:
    shown = folded(text * 40)

    assert len(shown.encode()) <= FOLDED_BYTES + 20
    assert shown.count("</think>") == shown.count("<think>") == (1 if text else 0)
