"""Compression of texts in the tasks table, if it saves at least a tenth."""

import zlib

TOO_SHORT = 200
"""Bytes up to which a text stays as it is, and readable in the console."""
TOO_LARGE = 128 * 1024
"""Bytes above which a text is not compressed: it goes to the bucket, which does not bill bytes written."""


def packed(text: bytes) -> bytes | None:
    """The text compressed with zlib (RFC 1950), or None if it stays as it is."""
    # depends on the text alone, so that a retried write stores the same bytes
    if not TOO_SHORT < len(text) <= TOO_LARGE:
        return None
    compressed = zlib.compress(text)
    return compressed if len(compressed) * 10 <= len(text) * 9 else None


def unpacked(compressed: bytes) -> bytes:
    """The original of ``packed``."""
    return zlib.decompress(compressed)


def stored_bytes(text: bytes) -> int:
    """Bytes that a text takes in its item."""
    compressed = packed(text)
    return len(text) if compressed is None else len(compressed)
