"""Texts without visible characters. The Messages API rejects some of them (white space) and wastes a turn
on others."""

import re

SHOWN = (
    r"[^\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8]"
)
"""A visible character: no white space, no control character, and none of Unicode's
``Default_Ignorable_Code_Point`` in the Basic Multilingual Plane, such as zero-width spaces. The pattern is
also used in JSON Schema."""
_SHOWN = re.compile(SHOWN)


def is_blank(text: str) -> bool:
    """Whether a text has no visible character."""
    return _SHOWN.search(text) is None
