"""Names of files as callers may show and store them, whoever has chosen them."""

import re
import unicodedata

_SEPARATORS = re.compile(r'[/\\:*?"<>|\[\]()`]')
"""Of paths, on whichever system the file lands, and of links in Markdown."""
_SPACES = re.compile(r"\s+")


def safe_name(text: str, limit: int) -> str:
    """The name in one line of at most ``limit`` characters, without separators of paths, control and
    formatting characters (escape sequences, changes of the direction of reading) and dots at its beginning.
    Empty if nothing is left."""
    shown = "".join(" " if c.isspace() else c for c in text if c.isspace() or _is_shown(c))
    name = _SPACES.sub(" ", _SEPARATORS.sub("-", shown))
    return name.lstrip(".- ")[:limit].rstrip(". ")


def _is_shown(character: str) -> bool:
    """Not of the categories control, format, surrogate, private use, unassigned, line and paragraph."""
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp")
