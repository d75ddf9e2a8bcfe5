"""Decoding text files, whatever they were saved with."""

import codecs

CHARSETS = frozenset(
    {
        "utf-8",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "gb2312",
        "gbk",
        "gb18030",
        "big5",
        "shift_jis",
        "euc_jp",
        "euc_kr",
        "iso8859-1",
        "cp1252",
    }
)
"""Encodings that a file's media type may name, by Python's canonical names."""
_REPLACEMENT = "\ufffd"
_SAMPLE_CHARACTERS = 20_000
_GB2312_SHARE = 0.8
"""Share of the characters outside ASCII that GB2312 has in a Chinese text; the rest are rare characters and
symbols. Bytes of another encoding rarely look like any of them."""


class Undecodable(ValueError):
    """The bytes are no text in the encoding, or in any that is recognized."""


def decode(data: bytes, charset: str = "") -> str:
    """The text of a file, without a byte order mark.

    Without ``charset`` UTF-8, UTF-16 and GB18030 (with GBK and GB2312, which it includes) are recognized.
    Raises ``Undecodable``; also for a charset that is not in ``CHARSETS``.
    """
    if charset:
        return _decode_as(charset, data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strictly(data, "utf-16")
    # tried last, because nearly any bytes can be decoded as GB18030
    text = data.decode("gb18030", errors="replace")
    if _REPLACEMENT in text or not _is_chinese(text):
        raise Undecodable("is neither UTF-8, UTF-16 nor GB18030 text")
    return text


def _decode_as(charset: str, data: bytes) -> str:
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        name = ""
    if name not in CHARSETS:
        raise Undecodable(f"has an unknown charset; {', '.join(sorted(CHARSETS))} are known")
    return _strictly(data, "utf-8-sig" if name == "utf-8" else name).removeprefix("\ufeff")


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise Undecodable(f"is not {encoding.removesuffix('-sig').upper()} text") from None


def _is_chinese(text: str) -> bool:
    """Whether bytes that can be read as GB18030 were meant so."""
    sample = text[:_SAMPLE_CHARACTERS]
    if any(character < " " and character not in "\t\n\r\f\x1a" for character in sample):
        return False
    foreign = [character for character in sample if not character.isascii()]
    return sum(map(_in_gb2312, foreign)) >= _GB2312_SHARE * len(foreign)


def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
