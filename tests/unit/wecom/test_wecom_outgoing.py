"""An answer as messages: whatever it is, nothing of it is lost and nothing is too long."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.connection import Connection, Kind
from a2a_tasks.wecom.delivery.outgoing import (
    APP_BYTES,
    GROUP_BYTES,
    GROUP_TEXT_BYTES,
    MOST_PARTS,
    FilePart,
    OutgoingPart,
    TextPart,
    app_message,
    group_message,
    mark_of,
    parts_for_app,
    parts_for_group,
)
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.protocol.links import unlinked

APP = Connection("app", "demo", Kind.APP, "arn", 0, app_id="1000002", markdown=True)
GROUP = Connection("group", "demo", Kind.GROUP, "arn", 0)
TASK_ID = "019a0000-0000-7000-8000-0123456789ab"
MARK = "0123456789ab.1"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6_000) | st.builds(
    lambda text, times: text * times,
    st.text(st.sampled_from("长a\n👍🏽é "), min_size=1, max_size=50),
    st.integers(1, 300),
)
LINKS = "Files:\n- [a.txt](https://x.example/a)\n- [b.txt](https://x.example/b)"


def contents(parts: list[OutgoingPart]) -> list[str]:
    return [part.content for part in parts if isinstance(part, TextPart)]


def unnumbered(texts: list[str]) -> str:
    return "".join(re.sub(r"\A\d+/\d+\n", "", text) for text in texts) if len(texts) > 1 else texts[0]


@given(TEXTS)
def test_an_applications_parts_are_the_answer_and_each_fits(text: str) -> None:
    parts = parts_for_app(APP, text, "", TASK_ID, MARK, Language.EN)
    texts = contents(parts)
    assert all(len(one.encode()) <= APP_BYTES for one in texts)
    assert all(one.endswith(f"\n\n#{MARK}") for one in texts)
    if len(parts) > len(texts):
        assert parts[-1] == FilePart(f"{TASK_ID}.md", text.encode())
    else:
        assert len(texts) <= MOST_PARTS
        assert unnumbered([one.removesuffix(f"\n\n#{MARK}") for one in texts]) == text


@given(TEXTS, st.sampled_from([True, None, False]))
def test_a_groups_parts_fit(text: str, markdown: bool | None) -> None:
    connection = replace(GROUP, markdown=markdown)
    limit = GROUP_TEXT_BYTES if markdown is False else GROUP_BYTES
    parts = parts_for_group(connection, "writer: done", text, LINKS, TASK_ID, Language.EN)
    assert all(len(one.encode()) <= limit for one in contents(parts))
    assert len(parts) <= MOST_PARTS + 1


@given(TEXTS)
def test_the_same_answer_has_the_same_parts_whatever_its_links_are(text: str) -> None:
    """A sender goes on where another stopped, and links are new each time."""
    some = parts_for_app(APP, text, LINKS, TASK_ID, MARK, Language.EN)
    links = LINKS.replace("x.example", "longer.example")
    others = parts_for_app(APP, text, links, TASK_ID, MARK, Language.EN)
    assert some[:-1] == others[:-1]
    assert len(some) == len(others)


def test_links_that_do_not_fit_are_left_out_whole() -> None:
    files = "Files:\n" + "\n".join(f"- [{n}](https://x.example/{'a' * 500})" for n in range(9))
    last = contents(parts_for_app(APP, "42", files, TASK_ID, MARK, Language.EN))[-1]
    assert len(last.encode()) <= APP_BYTES
    assert all(line.endswith(")") for line in last.splitlines() if line.startswith("- "))


@given(st.sampled_from(["```\n{}\n```", "`{}`", "{}"]), st.integers(1_700, 4_200))
def test_no_part_holds_a_link_because_its_code_began_in_another(code: str, place: int) -> None:
    link = f"[here](https://evil.example/{'b' * 800})"
    text = unlinked("a " * (place // 2) + "\n" + code.format(link))
    for one in contents(parts_for_app(APP, text, "", TASK_ID, MARK, Language.EN)):
        assert unlinked(one) == one
    for one in contents(parts_for_group(GROUP, "writer: done", text, "", TASK_ID, Language.EN)):
        assert unlinked(one) == one


def test_plain_text_has_no_marks() -> None:
    plain = replace(APP, markdown=None)
    (part,) = parts_for_app(plain, "# Title\n\n**42**", "", TASK_ID, MARK, Language.EN)
    assert isinstance(part, TextPart)
    assert part.content.startswith("Title\n\n42")


def test_an_applications_message_asks_wecom_to_drop_repetitions() -> None:
    message = app_message(APP, "LiLei", TextPart("42"), None)
    assert message == {
        "touser": "LiLei",
        "agentid": 1000002,
        "msgtype": "markdown",
        "markdown": {"content": "42"},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 14_400,
    }


def test_a_groups_message() -> None:
    assert group_message(GROUP, TextPart("42"), None) == {
        "msgtype": "markdown_v2",
        "markdown_v2": {"content": "42"},
    }
    assert group_message(replace(GROUP, markdown=False), FilePart("a.md", b"42"), "id") == {
        "msgtype": "file",
        "file": {"media_id": "id"},
    }


def test_answers_of_one_task_have_marks_of_their_own() -> None:
    assert mark_of(TASK_ID, "1") == MARK
    assert mark_of(TASK_ID, "2") != mark_of(TASK_ID, "1")
