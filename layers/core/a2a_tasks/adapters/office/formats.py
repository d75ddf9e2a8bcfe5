"""What is in an Office file, as text in pieces. Runs in the process of ``__main__`` alone."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO

from a2a_tasks.domain.office_file import OfficeKind


def docx(file: BinaryIO) -> Iterator[str]:
    """HTML of headings, paragraphs, lists, tables and notes, without pictures."""
    import mammoth

    yield mammoth.convert_to_html(file, convert_image=lambda _: [], include_embedded_style_map=False).value


def xlsx(file: BinaryIO) -> Iterator[str]:
    """Each sheet as CSV under its name."""
    import python_calamine

    with python_calamine.load_workbook(file) as workbook:
        for name in workbook.sheet_names:
            yield f"## {name}\n\n"
            for row in workbook.get_sheet_by_name(name).to_python(skip_empty_area=True):
                yield _csv_line(row)
            yield "\n"


def pptx(file: BinaryIO) -> Iterator[str]:
    """Each slide's texts, tables and notes under its number."""
    import pptx

    for number, slide in enumerate(pptx.Presentation(file).slides, 1):
        yield f"## {number}\n\n"
        yield from _shape_texts(slide.shapes)
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if notes is not None and notes.text.strip():
            yield f"Notes:\n{notes.text}\n\n"


FORMATS: dict[OfficeKind, Callable[[BinaryIO], Iterator[str]]] = {
    OfficeKind.DOCX: docx,
    OfficeKind.XLSX: xlsx,
    OfficeKind.PPTX: pptx,
}


def _shape_texts(shapes: Iterable[Any]) -> Iterator[str]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shape_texts(shape.shapes)
        elif getattr(shape, "has_table", False):
            yield "".join(_csv_line([cell.text for cell in row.cells]) for row in shape.table.rows) + "\n"
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield f"{shape.text_frame.text}\n\n"


def _csv_line(cells: list[Any]) -> str:
    shown = [_cell(cell) for cell in cells]
    while shown and not shown[-1]:
        shown.pop()
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(shown)
    return line.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return str(value)
