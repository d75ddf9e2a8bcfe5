"""Recognizing Office files, and refusing those that would take too much to read."""

import io
import re
from enum import StrEnum

MAX_UNPACKED_BYTES = 100 * 1024 * 1024
"""Limit of a file's unpacked size, as its directory declares it. A spreadsheet compresses to about a
tenth."""
MAX_ENTRIES = 10_000
_ZIP = b"PK\x03\x04"
_OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Signature of Office files from before 2007, and of newer ones with a password."""


class OfficeKind(StrEnum):
    """The Office formats that agents can be shown, by their media types."""

    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


_MAIN_PARTS = {
    re.compile(r"word/document\d*\.xml"): OfficeKind.DOCX,
    re.compile(r"xl/workbook\d*\.xml"): OfficeKind.XLSX,
    re.compile(r"ppt/presentation\d*\.xml"): OfficeKind.PPTX,
}


class OfficeFileRefused(ValueError):
    """An Office file that cannot be read. The message completes "the file …"."""


def is_packed(data: bytes) -> bool:
    """Whether a file may be an Office file, or another archive."""
    return data.startswith((_ZIP, _OLD))


def recognize(data: bytes) -> OfficeKind | None:
    """The kind of a file; None for another one. Reads the archive's directory alone.

    Raises ``OfficeFileRefused`` for a format of before 2007, a file with a password, one that is damaged, and
    one that unpacks to more than ``MAX_UNPACKED_BYTES``.
    """
    if data.startswith(_OLD):
        raise OfficeFileRefused(
            "has a password or a format of before 2007; save it without one, as .docx, .xlsx or .pptx"
        )
    if not data.startswith(_ZIP):
        return None
    import zipfile  # imported here, because most functions never need it and start faster without

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        raise OfficeFileRefused("is damaged") from None
    kind = next(
        (kind for name, kind in _MAIN_PARTS.items() for entry in entries if name.fullmatch(entry.filename)),
        None,
    )
    # checks the declared sizes before anything is unpacked; a false declaration is caught by the parser
    # process's limits
    if kind and (len(entries) > MAX_ENTRIES or sum(e.file_size for e in entries) > MAX_UNPACKED_BYTES):
        raise OfficeFileRefused(
            f"unpacks to more than {MAX_UNPACKED_BYTES // 1024**2} MB or {MAX_ENTRIES:,} files"
        )
    return kind
