"""Office files in messages: shown to the model as text, and bounded in all that they could take."""

import base64
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from pptx.util import Inches

from a2a_tasks.adapters.office import NO_MEMORY
from a2a_tasks.adapters.office.parser import MB, ProcessParser
from a2a_tasks.adapters.process_load import MEMORY_SHARE
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.office_file import MAX_UNPACKED_BYTES, OfficeKind
from a2a_tasks.domain.task import Lane
from a2a_tasks.ports.documents import DocumentUnreadable
from a2a_tasks.ports.errors import PayloadUnavailable
from a2a_tasks.tasks import content, office_texts
from tests.twins.deployment import Deployment, agent
from tests.twins.model import answer, uses

pytestmark = pytest.mark.slow

type Made = Callable[[], bytes]
"""A file that is made when its test runs, and not whenever tests are collected."""


def report(*paragraphs: str) -> bytes:
    document = docx.Document()
    document.add_heading("季度报告", 1)
    for paragraph in paragraphs or ("收入增长了。",):
        document.add_paragraph(paragraph)
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "地区", "华东"
    return _saved(document)


def sheet() -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "订单"
    for row in (["日期", "金额", None], [datetime(2026, 3, 1), 12, 0.5], ["a,b", None, None]):  # noqa: DTZ001
        book.active.append(row)
    book.create_sheet("空")
    return _saved(book)


def slides() -> bytes:
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = "路线图"
    slide.shapes.add_table(1, 2, 0, Inches(1), Inches(2), Inches(1)).table.cell(0, 1).text = "Q3"
    slide.notes_slide.notes_text_frame.text = "先讲背景。"
    return _saved(presentation)


def _saved(document: Any) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def replaced(file: bytes, name: str, data: bytes) -> bytes:
    """An Office file with other content in one of its parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, data if entry == name else old.read(entry))
    return made.getvalue()


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.txt", "x")
    return made.getvalue()


def raw(data: bytes, **more: str) -> dict[str, Any]:
    return {"raw": base64.b64encode(data).decode()} | more


def shown(deployment: Deployment) -> list[dict[str, Any]]:
    """The blocks of the last request's last message."""
    blocks: list[dict[str, Any]] = deployment.model.requests[-1].messages[-1]["content"]
    return blocks


@pytest.mark.parametrize(
    ("file", "kind", "expected"),
    [
        (report, OfficeKind.DOCX, ["<h1>季度报告</h1>", "<p>收入增长了。</p>", "<td><p>华东</p></td>"]),
        (sheet, OfficeKind.XLSX, ["## 订单\n\n日期,金额\n2026-03-01", ',12,0.5\n"a,b"\n', "## 空\n"]),
        (slides, OfficeKind.PPTX, ["## 1\n\n路线图\n\n,Q3\n", "Notes:\n先讲背景。"]),
    ],
    ids=["docx", "xlsx", "pptx"],
)
@pytest.mark.parametrize("says_kind", [True, False])
def test_the_model_is_shown_a_files_text_under_its_name(
    deployment: Deployment, file: Made, kind: OfficeKind, expected: list[str], says_kind: bool
) -> None:
    deployment.model.then(answer("It is about growth."))
    media_type = {"mediaType": kind.value} if says_kind else {}
    task = deployment.submit("看", parts=(raw(file(), filename="文件", **media_type), {"text": "看"}))

    deployment.work()

    document, text = shown(deployment)
    assert (text["text"], document["title"], document["source"]["type"]) == ("看", "文件", "text")
    for piece in expected:
        assert piece in document["source"]["data"]
    assert deployment.now_of(task).status == "completed"


def test_it_is_read_once_and_shown_again_to_later_turns_and_later_messages(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    deployment.model.then(
        uses(("ask_user", {"question": "Which one?"})), answer("That one."), answer("Nothing.")
    )
    first = deployment.submit("看", parts=(raw(report(), filename="a.docx"), {"text": "看"}), context_id="c")
    deployment.work()
    opening = deployment.model.requests[-1].messages[0]
    monkeypatch.setattr("sys.executable", "/nowhere")  # whoever reads it again fails

    deployment.answerer().answer(deployment.now_of(first), "This")
    deployment.work()
    deployment.submit("And then?", context_id="c")
    deployment.work()

    assert [request.messages[0] for request in deployment.model.requests] == [opening] * 3
    assert "季度报告" in opening["content"][0]["source"]["data"]


def test_an_answer_may_be_an_office_file(deployment: Deployment) -> None:
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    deployment.model.then(uses(("ask_user", {"question": "Which one?"})), answer("That one."))
    task = deployment.submit()
    deployment.work()

    deployment.answerer().answer(deployment.now_of(task), "", parts=(raw(sheet(), filename="a.xlsx"),))
    deployment.work()

    (result,) = shown(deployment)
    assert "a,b" in result["content"][0]["source"]["data"]


def test_long_files_share_the_room_and_say_that_they_go_on(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office_texts, "MAX_CHARACTERS", 200)
    deployment.submit("", parts=(raw(report("长" * 500)), raw(report("短")), {"text": "?"}))

    deployment.work()

    long, short, question = shown(deployment)
    assert long["source"]["data"].endswith("(The file goes on; only its first 100 characters are shown.)")
    assert len(long["source"]["data"].partition("\n\n(The")[0]) == 100
    assert "短" in short["source"]["data"]
    assert question["text"] == "?"


DEEP = b"<a>" * 1_000_000
WIDE = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    b"</sheetData></worksheet>"
)
LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(9))
    + b"]><a>&j;</a>"
)


@pytest.mark.parametrize(
    "file",
    [
        lambda: replaced(report(), "word/document.xml", DEEP),
        lambda: replaced(report(), "word/document.xml", LAUGHS),
        lambda: replaced(sheet(), "xl/worksheets/sheet1.xml", WIDE),
        lambda: replaced(slides(), "ppt/slides/slide1.xml", DEEP),
        lambda: replaced(slides(), "ppt/slides/slide1.xml", LAUGHS),
        lambda: replaced(report(), "word/document.xml", b"no XML"),
    ],
    ids=["deep docx", "laughing docx", "wide xlsx", "deep pptx", "laughing pptx", "no docx"],
)
def test_what_cannot_be_read_leaves_the_question_standing(deployment: Deployment, file: Made) -> None:
    deployment.model.then(answer("I cannot read it."))
    task = deployment.submit("看", parts=(raw(file(), filename='a".docx'), {"text": "看"}))

    deployment.work()

    reason, question = shown(deployment)
    assert question["text"] == "看"
    assert reason["text"].startswith('(The file "a\\".docx" cannot be shown: it ')
    assert deployment.now_of(task).status == "completed"


def test_a_parser_that_hangs_is_ended() -> None:
    with pytest.raises(DocumentUnreadable, match="takes too long to read"):
        ProcessParser(seconds=0.01).text(OfficeKind.DOCX, report(), 100)


def test_the_process_that_reads_has_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spy = tmp_path / "a2a_tasks" / "adapters" / "office"
    spy.mkdir(parents=True)
    for package in (spy, spy.parent, spy.parent.parent):
        (package / "__init__.py").touch()
    (spy / "__main__.py").write_text("import os; print(sorted(os.environ))")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    seen = ProcessParser().text(OfficeKind.DOCX, b"", 100)

    assert "PYTHONPATH" in seen
    assert "AWS" not in seen


def test_batches_take_no_office_files(deployment: Deployment) -> None:
    with pytest.raises(RequestRefused, match="lane: is batch, which takes no Office files"):
        deployment.submit("", parts=(raw(report()),), lane=Lane.BATCH)


@pytest.mark.parametrize(
    ("file", "media_type", "field", "code"),
    [
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "", "raw", ErrorCode.VALIDATION_ERROR),
        (
            lambda: replaced(report(), "word/document.xml", bytes(MAX_UNPACKED_BYTES)),
            "",
            "raw",
            ErrorCode.VALIDATION_ERROR,
        ),
        (lambda: b"PK\x03\x04 cut", "", "raw", ErrorCode.VALIDATION_ERROR),
        (report, OfficeKind.XLSX.value, "raw", ErrorCode.VALIDATION_ERROR),
        (lambda: b"plain", OfficeKind.XLSX.value, "raw", ErrorCode.VALIDATION_ERROR),
        (_zip, "", "mediaType", ErrorCode.CONTENT_TYPE_NOT_SUPPORTED),
        (report, "text/plain", "mediaType", ErrorCode.CONTENT_TYPE_NOT_SUPPORTED),
    ],
)
def test_what_no_agent_could_be_shown_is_refused_by_name(
    file: Made, media_type: str, field: str, code: ErrorCode
) -> None:
    with pytest.raises(RequestRefused) as refused:
        content.check([{"text": "x"}, raw(file(), **({"mediaType": media_type} if media_type else {}))])

    assert (refused.value.code, refused.value.details[0]["field"]) == (code, f"parts[1].{field}")


def test_a_worker_that_lacks_memory_leaves_a_file_for_later() -> None:
    """The process that reads it would end the whole worker."""
    with pytest.raises(PayloadUnavailable, match="too little memory"):
        ProcessParser(lambda: 150 * MB).text(OfficeKind.DOCX, report(), 100)


@pytest.mark.parametrize(("left_mb", "error"), [(300, PayloadUnavailable), (1_000, DocumentUnreadable)])
def test_a_file_that_needs_too_much_is_left_for_later_if_more_may_be_there_then(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left_mb: int, error: type[Exception]
) -> None:
    package = tmp_path / "a2a_tasks" / "adapters" / "office"
    package.mkdir(parents=True)
    for each in (package, package.parent, package.parent.parent):
        (each / "__init__.py").touch()
    (package / "__main__.py").write_text(f"raise SystemExit({NO_MEMORY})")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(error):
        ProcessParser(lambda: left_mb * MB).text(OfficeKind.DOCX, b"", 100)


def test_a_worker_at_its_limit_has_memory_for_a_file_beside_its_tasks() -> None:
    left = round(704 * MB * (1 - MEMORY_SHARE))
    assert "收入增长了" in ProcessParser(lambda: left).text(OfficeKind.DOCX, report(), 100)
