"""Texts as the tasks' table keeps them: compressed, where that makes them shorter by a tenth at least."""

import zlib

TOO_SHORT = 200
"""Bytes: up to here a text is as good as it is, and stays legible to who looks at the table."""
TOO_LARGE = 128 * 1024
"""Longer texts are not tried: they are for the bucket, which bills no bytes written."""


def packed(text: bytes) -> bytes | None:
    """The text as zlib has it (RFC 1950); None where it stays as it is."""
    if not TOO_SHORT < len(text) <= TOO_LARGE:
        return None
    compressed = zlib.compress(text)
    return compressed if len(compressed) * 10 <= len(text) * 9 else None


def unpacked(compressed: bytes) -> bytes:
    return zlib.decompress(compressed)


def stored_bytes(text: bytes) -> int:
    """What a text takes of its item."""
    compressed = packed(text)
    return len(text) if compressed is None else len(compressed)
