"""Parts of a message as content blocks of the Messages API.

A part is a JSON object as in A2A 1.0: one of ``text``, ``raw`` (base64), ``url`` and ``data`` (any JSON),
with optional ``mediaType``, ``filename`` and ``metadata``. Conversion is deterministic byte for byte,
because thinking signatures and prompt caching depend on it.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.errors import ErrorCode, RequestRefused, invalid
from a2a_tasks.domain.office_file import OfficeFileRefused, OfficeKind, is_packed, recognize
from a2a_tasks.domain.text.blank import is_blank
from a2a_tasks.domain.text.encodings import Undecodable, decode
from a2a_tasks.domain.text.json_text import TooLong, indented

MAX_PARTS = 50
MAX_PARTS_BYTES = 5 * 1024 * 1024
"""All parts as UTF-8 JSON. Lambda accepts requests of 6 MB; base64 takes a third of that."""
MAX_CONTEXT_CHARACTERS = 1024 * 1024
"""A task's context as the model sees it."""
MAX_TITLE = 200
PDF = "application/pdf"
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
OFFICE = tuple(kind.value for kind in OfficeKind)
INPUT_MODES = ("text/plain", "text/markdown", "text/csv", "application/json", PDF, *IMAGES, *OFFICE)
"""What agents accept, for agent cards. Other text types are accepted too."""
_TEXT = re.compile(r"text/.+|application/(?:.+\+)?(?:json|xml|yaml)")
_CHARSET = re.compile(r"""(?:^|;)\s*charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_ADDRESS = re.compile(r"https://[^\s/?#]+(?P<path>[^\s?#]*)\S*", re.IGNORECASE)
_BEGINNING = 16
"""Characters of base64 that hold a file's signature."""
_ANY_TYPE = ("application/octet-stream", "application/zip")
"""Media types that senders give files that they do not know."""
_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-"), PDF),
)
"""Magic numbers of the binary files that the model can read."""
_SUFFIXES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".pdf": PDF,
}


@dataclass(frozen=True)
class OfficeFile:
    """A file in a part whose text the worker reads."""

    kind: OfficeKind
    content: bytes = field(repr=False)


def may_be_office_file(part: Mapping[str, Any]) -> bool:
    """Whether a part begins as an Office file does."""
    try:
        return is_packed(_decoded("", part.get("raw", "")[:_BEGINNING]))
    except RequestRefused:
        return False


def office_file_of(part: Mapping[str, Any]) -> OfficeFile | None:
    """The Office file that a part is, if it is one that ``check`` accepts."""
    if not may_be_office_file(part):
        return None
    try:
        data = _decoded("", part["raw"])
        kind = recognize(data)
    except (RequestRefused, OfficeFileRefused):
        # left unchanged: ``check`` reports the problem
        return None
    return OfficeFile(kind, data) if kind else None


def text_of(parts: Sequence[Mapping[str, Any]]) -> str:
    """All text of a message, joined by line breaks. Blank parts are omitted, as in ``blocks_of``."""
    return "\n".join(part["text"] for part in parts if not is_blank(part.get("text", "")))


def check(parts: Sequence[Mapping[str, Any]], place: str = "parts") -> None:
    """Raise ``RequestRefused`` if the model cannot read the parts, or they are too many or too large."""
    if len(parts) > MAX_PARTS:
        raise invalid(place, f"are {len(parts)}; at most {MAX_PARTS} are taken")
    size = len(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_PARTS_BYTES:
        problem = (
            f"take {size} bytes of JSON; at most {MAX_PARTS_BYTES} are taken, so send large files by url"
        )
        raise invalid(place, problem, ErrorCode.PAYLOAD_TOO_LARGE)
    if not blocks_of(parts, place):
        first = f"{place}[0].text" if parts else place
        raise invalid(first, "is blank; give a text or a file")


def blocks_of(parts: Sequence[Mapping[str, Any]], place: str = "parts") -> list[dict[str, Any]]:
    """A message's content blocks. Raises ``RequestRefused`` naming the part."""
    blocks = (_block(f"{place}[{number}]", part) for number, part in enumerate(parts))
    return [block for block in blocks if block is not None]


def context_text(context: Mapping[str, Any]) -> str:
    """A task's context as the model sees it. Raises ``RequestRefused``."""
    return _shown(context, "context", MAX_CONTEXT_CHARACTERS)


def _shown(value: Any, place: str, limit: int) -> str:
    try:
        return indented(value, limit)
    except TooLong:
        problem = (
            f"takes more than {limit} characters as the model is shown it, each value in a line of its own "
            "and indented; nest it less, or send less"
        )
        raise invalid(place, problem, ErrorCode.PAYLOAD_TOO_LARGE) from None


def _block(place: str, part: Mapping[str, Any]) -> dict[str, Any] | None:
    media_type, charset = _media_type_of(part)
    if "text" in part:
        return _written(place, part["text"], media_type)
    if "data" in part:
        return _written(place, _shown(part["data"], f"{place}.data", MAX_PARTS_BYTES), media_type)
    title = str(part.get("filename") or "")[:MAX_TITLE]
    if "url" in part:
        return _linked(place, part["url"], media_type, title)
    return _enclosed(place, part.get("raw", ""), media_type, title, charset)


def _media_type_of(part: Mapping[str, Any]) -> tuple[str, str]:
    """A part's media type without parameters, and its charset; each may be empty."""
    media_type, _, parameters = str(part.get("mediaType") or "").partition(";")
    charset = _CHARSET.search(parameters)
    return media_type.strip().lower(), charset[1] if charset else ""


def _written(place: str, text: str, media_type: str) -> dict[str, Any] | None:
    """A text block. None for a blank text, which the API would reject."""
    if media_type and not _TEXT.fullmatch(media_type):
        raise _unsupported(place, media_type)
    return None if is_blank(text) else {"type": "text", "text": text}


def _linked(place: str, url: str, media_type: str, title: str) -> dict[str, Any]:
    """A file that the API fetches itself. If its type is unknown, only its address as text, which a tool
    may fetch."""
    address = _ADDRESS.fullmatch(url)
    if address is None:
        raise invalid(f"{place}.url", "must be an https address")
    if not media_type:
        names = (title.lower(), address["path"].lower())
        media_type = next(
            (kind for suffix, kind in _SUFFIXES.items() if any(name.endswith(suffix) for name in names)), ""
        )
    source = {"type": "url", "url": url}
    if media_type in IMAGES:
        return {"type": "image", "source": source}
    if media_type == PDF:
        return _document(source, title)
    if media_type:
        raise _unsupported(place, media_type, " by url; send it as raw")
    return {"type": "text", "text": f"File{f' {title}' if title else ''}: {url}"}


def _enclosed(place: str, raw: str, media_type: str, title: str, charset: str) -> dict[str, Any]:
    data = _decoded(place, raw)
    if is_packed(data) or media_type in OFFICE:
        return _office(place, data, media_type, title)
    found = next((kind for signature, kind in _SIGNATURES if signature.match(data)), None)
    media_type = media_type or found or "text/plain"
    if media_type in (PDF, *IMAGES):
        if found != media_type:
            raise invalid(f"{place}.raw", f"is no {media_type}")
        source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}
        return _document(source, title) if media_type == PDF else {"type": "image", "source": source}
    if not _TEXT.fullmatch(media_type):
        raise _unsupported(place, media_type)
    try:
        text = decode(data, charset)
    except Undecodable as error:
        problem = f"{error}; give its charset or its type in mediaType, such as text/csv; charset=big5"
        raise invalid(f"{place}.raw", problem) from None
    if is_blank(text):
        raise invalid(f"{place}.raw", "is empty")
    return _document({"type": "text", "media_type": "text/plain", "data": text}, title)


def _office(place: str, data: bytes, media_type: str, title: str) -> dict[str, Any]:
    """A text in the place of the file's, which only the worker reads (tasks/office_texts.py)."""
    try:
        kind = recognize(data)
    except OfficeFileRefused as error:
        raise invalid(f"{place}.raw", str(error)) from None
    if kind is None or media_type not in ("", kind, *_ANY_TYPE):
        if media_type in OFFICE:
            raise invalid(f"{place}.raw", f"is no {media_type}")
        raise _unsupported(place, media_type or "application/zip")
    return {"type": "text", "text": f"(The file {title or kind} is not shown here.)"}


def _decoded(place: str, raw: str) -> bytes:
    """Base64 as ProtoJSON accepts it: both alphabets, padding optional."""
    text = raw.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{place}.raw", "is not base64") from None


def _document(source: dict[str, str], title: str) -> dict[str, Any]:
    return {"type": "document", "source": source} | ({"title": title} if title else {})


def _unsupported(place: str, media_type: str, how: str = "") -> RequestRefused:
    known = ", ".join((PDF, *IMAGES, *OFFICE))
    problem = f"is {media_type}, which agents cannot read{how}; they read text, {known}"
    return invalid(f"{place}.mediaType", problem, ErrorCode.CONTENT_TYPE_NOT_SUPPORTED)
