"""Small inputs that are kept: what each parser takes, and what has broken one. A file each, byte for byte."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

FOLDER = Path(__file__).parent / "corpus"
TOKENS = [
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"null", b"true", b"NaN", b"-Infinity", b"1e999"),
    *(b"\\ud800", b"\\udc00", b"\\u0000", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xf0\x9f\x99\x82", b"9" * 400),
    *(b"<", b">", b"</", b"/>", b"<!DOCTYPE a [", b"<!ENTITY a 'b'>", b"&a;", b"&#0;", b"<![CDATA[", b"]]>"),
    *(b"://", b"@", b"#", b"%", b"[::1]", b":99999", b"..", b"=", b"_", b"a2a_", b"\xd9\xa1"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 2**31, 2**63, 10**308, 10**309, 1e308, -0.0, 0.5, 1e999),
    *("", " ", "\x00", "\ud800", "🙂", "x" * 300, "https://["),
    *("2026-02-30T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"),
    *([], {}, [[]], [{}], {"": {}}, {"a": "\udfff"}, [None], json.loads("[" * 33 + "]" * 33)),
]


def kept(parser: str) -> dict[str, bytes]:
    """A parser's inputs by the names of their files."""
    return {file.name: file.read_bytes() for file in sorted((FOLDER / parser).iterdir())}


@st.composite
def mutated(draw: st.DrawFn, parser: str) -> bytes:
    """One of them, changed: as bytes, or one value of it where it is JSON."""
    inputs = list(kept(parser).values())
    given = draw(st.sampled_from(inputs))
    for _ in range(draw(st.integers(0, 2))):
        given = draw(_with_another_value(given))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(given)))
        end = draw(st.integers(start, min(len(given), start + 30)))
        given = given[:start] + draw(_piece(given[start:end])) + given[end:]
    return given


def _piece(cut: bytes) -> st.SearchStrategy[bytes]:
    """What comes in the place of a piece."""
    return st.sampled_from([b"", cut * 2, cut[::-1], *TOKENS]) | st.binary(max_size=8)


@st.composite
def _with_another_value(draw: st.DrawFn, given: bytes) -> bytes:
    try:
        document = json.loads(given)
    except (ValueError, RecursionError):
        return given
    places = list(_places(document))
    if not places:
        return given
    holder, name = draw(st.sampled_from(places))
    match draw(st.sampled_from(["value", "field", "gone"])):
        case "gone":
            del holder[name]
        case "field" if isinstance(holder, dict):
            holder[draw(st.text(max_size=5))] = holder.pop(name)
        case _:
            holder[name] = draw(st.sampled_from(VALUES) | st.text(max_size=20) | st.integers())
    return json.dumps(document).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Where in a document a value is: what holds it, and its name or number there."""
    parts = list(
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [(value, name) for name, _ in parts] + [place for _, part in parts for place in _places(part)]
