"""File names that are safe to display and to store."""

import re
import unicodedata

_SEPARATORS = re.compile(r'[/\\:*?"<>|\[\]()`]')
"""Path separators of any system, and characters that break Markdown links."""
_SPACES = re.compile(r"\s+")


def safe_name(text: str, limit: int) -> str:
    """The name in one line of at most ``limit`` characters, without path separators, control and
    formatting characters (escape sequences, bidirectional overrides) and leading dots. Empty if nothing is
    left."""
    shown = "".join(" " if c.isspace() else c for c in text if c.isspace() or _is_shown(c))
    name = _SPACES.sub(" ", _SEPARATORS.sub("-", shown))
    return name.lstrip(".- ")[:limit].rstrip(". ")


def _is_shown(character: str) -> bool:
    """Not a control, format, surrogate, private-use, unassigned, or line or paragraph separator character."""
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp")
