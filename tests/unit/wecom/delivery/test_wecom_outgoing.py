"""An answer as messages: whatever it is, nothing of it is lost and nothing is too long."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.delivery.outgoing import (
    APP_BYTES,
    GROUP_BYTES,
    GROUP_TEXT_BYTES,
    MOST_FILES,
    MOST_PARTS,
    FilePart,
    OutgoingPart,
    StoredFilePart,
    TextPart,
    app_message,
    group_message,
    mark_of,
    parts_for_app,
    parts_for_group,
)
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.protocol.links import unlinked
from a2a_tasks.wecom.result_texts import ResultFile, ResultText

APP = Connection("app", "demo", ConnectionKind.APP, "arn", 0, app_id="1000002", markdown=True)
GROUP = Connection("group", "demo", ConnectionKind.GROUP, "arn", 0)
TASK_ID = "019a0000-0000-7000-8000-0123456789ab"
MARK, AT = "0123", 0
FOOTER = "\n\n(asked at 08:00 · 0123)"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6_000) | st.builds(
    lambda text, times: text * times,
    st.text(st.sampled_from("长a\n👍🏽é "), min_size=1, max_size=50),
    st.integers(1, 300),
)
LINKS = ("- [a.txt](https://x.example/a)", "- [b.txt](https://x.example/b)")


def result(text: str, links: tuple[str, ...] = ()) -> ResultText:
    return ResultText(text, "Files:" if links else "", links)


def contents(parts: list[OutgoingPart]) -> list[str]:
    return [part.content for part in parts if isinstance(part, TextPart)]


def unnumbered(texts: list[str]) -> str:
    return "".join(re.sub(r"\A\d+/\d+\n", "", text) for text in texts) if len(texts) > 1 else texts[0]


@given(TEXTS)
def test_an_applications_parts_are_the_answer_and_each_fits(text: str) -> None:
    parts = parts_for_app(APP, result(text), TASK_ID, AT, MARK, Language.EN)
    texts = contents(parts)
    assert all(len(one.encode()) <= APP_BYTES for one in texts)
    assert all(one.endswith(FOOTER) for one in texts)
    if len(parts) > len(texts):
        assert parts[-1] == FilePart(f"{TASK_ID}.md", text.encode())
    else:
        assert len(texts) <= MOST_PARTS
        assert unnumbered([one.removesuffix(FOOTER) for one in texts]) == text


@given(TEXTS, st.sampled_from([True, None, False]))
def test_a_groups_parts_fit(text: str, markdown: bool | None) -> None:
    connection = replace(GROUP, markdown=markdown)
    limit = GROUP_TEXT_BYTES if markdown is False else GROUP_BYTES
    parts = parts_for_group(connection, "writer: done", result(text, LINKS), TASK_ID, Language.EN)
    assert all(len(one.encode()) <= limit for one in contents(parts))
    assert len(parts) <= MOST_PARTS + len(LINKS)


@given(TEXTS)
def test_the_same_answer_has_the_same_parts_whatever_its_links_are(text: str) -> None:
    """A sender goes on where another stopped, and links are new each time."""
    some = parts_for_app(APP, result(text, LINKS), TASK_ID, AT, MARK, Language.EN)
    links = tuple(link.replace("x.example", "x" * 900 + ".example") for link in LINKS)
    others = parts_for_app(APP, result(text, links), TASK_ID, AT, MARK, Language.EN)
    assert some[: -len(LINKS)] == others[: -len(LINKS)]
    assert len(some) == len(others)


def test_every_file_has_its_link() -> None:
    links = tuple(f"- [{n}](https://x.example/{'a' * 1_800})" for n in range(9))
    for parts in (
        parts_for_app(APP, result("42", links), TASK_ID, AT, MARK, Language.EN),
        parts_for_app(replace(APP, markdown=None), result("42", links), TASK_ID, AT, MARK, Language.EN),
        parts_for_group(GROUP, "writer: done", result("42", links), TASK_ID, Language.EN),
    ):
        shown = contents(parts)[1:]
        assert [f"https://x.example/{'a' * 1_800}" in one for one in shown] == [True] * 9
        assert all(one.startswith("Files:\n") for one in shown)


def test_a_link_that_no_message_has_room_for_is_not_cut() -> None:
    links = (f"- [report.pdf](https://x.example/{'a' * 5_000})",)
    last = contents(parts_for_app(APP, result("42", links), TASK_ID, AT, MARK, Language.EN))[-1]
    assert last == f"Files:\n- report.pdf (link too long to be shown){FOOTER}"


@given(st.sampled_from(["```\n{}\n```", "`{}`", "{}"]), st.integers(1_700, 4_200))
def test_no_part_holds_a_link_because_its_code_began_in_another(code: str, place: int) -> None:
    link = f"[here](https://evil.example/{'b' * 800})"
    text = unlinked("a " * (place // 2) + "\n" + code.format(link))
    for one in contents(parts_for_app(APP, result(text), TASK_ID, AT, MARK, Language.EN)):
        assert unlinked(one) == one
    for one in contents(parts_for_group(GROUP, "writer: done", result(text), TASK_ID, Language.EN)):
        assert unlinked(one) == one


def test_plain_text_has_no_marks() -> None:
    plain = replace(APP, markdown=None)
    (part,) = parts_for_app(plain, result("# Title\n\n**42**"), TASK_ID, AT, MARK, Language.EN)
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
    assert len({mark_of(TASK_ID, name) for name in ("1", "2", "resend#1")} | {mark_of("other", "1")}) == 4


# ---------------------------------------------------------------- files of the result


def stored(name: str, size: int | None, content: bytes | None = b"content") -> ResultFile:
    return ResultFile(name, "text/csv", size, lambda: content)


def with_files(*files: ResultFile | None) -> ResultText:
    links = tuple(f"- [{file.name if file else 'x'}](https://x.example/{n})" for n, file in enumerate(files))
    return ResultText("42", "Files:", links, files)


def test_an_application_sends_stored_files_as_such_and_links_to_the_rest() -> None:
    files = (
        stored("a.csv", 7),
        None,
        stored("tiny.txt", 5),
        stored("huge.zip", 9_000_000),
        stored("?", None),
    )

    parts = parts_for_app(APP, with_files(*files), TASK_ID, AT, MARK, Language.EN)

    assert [part.name for part in parts if isinstance(part, StoredFilePart)] == ["a.csv"]
    linked = contents(parts)[1:]
    assert [name in one for name, one in zip(["[x]", "tiny", "huge", "?"], linked, strict=True)] == [True] * 4


def test_no_more_than_five_files_are_uploaded() -> None:
    files = (stored(f"{n}.csv", 7) for n in range(7))

    parts = parts_for_app(APP, with_files(*files), TASK_ID, AT, MARK, Language.EN)

    assert sum(isinstance(part, StoredFilePart) for part in parts) == MOST_FILES
    assert len(contents(parts)) == 3


def test_a_group_gets_links_to_all_files() -> None:
    parts = parts_for_group(GROUP, "done", with_files(stored("a.csv", 7)), TASK_ID, Language.EN)

    assert len(contents(parts)) == len(parts) == 2


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image"),
        (b"\xff\xd8\xff...", "image"),
        (b"GIF89a...", "file"),
        (b"a,b", "file"),
    ],
)
def test_a_file_is_sent_as_what_it_is(content: bytes, kind: str) -> None:
    part = StoredFilePart("picture.png", lambda: content, "gone", "link").loaded()

    assert app_message(APP, "LiLei", part, "id")[kind] == {"media_id": "id"}


def test_a_file_that_is_gone_is_said_to_be_gone() -> None:
    assert StoredFilePart("a", lambda: None, "gone", "link").loaded() == TextPart("gone")
