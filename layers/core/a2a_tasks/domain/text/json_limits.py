"""Limits on the depth and the number of values of JSON from outside.

A limit in bytes is not enough: 256 KB of brackets are 9,000 levels, which take 80 MB once indented, and 5
MB of digits are two million objects. So text is measured before it is parsed.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 32
MAX_VALUES = 100_000
_MAX_INT_BITS = 1024
"""Larger integers are no finite double, which is how most other parsers read them."""
_TOKENS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]|,', re.DOTALL)
"""Whole strings, and what is between them. Possessive quantifiers, so that no text causes backtracking."""
TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep; nest it less"
TOO_MANY = f"has more than {MAX_VALUES} values; send less at once"
NO_TEXT = "contains half of a surrogate pair, which is not text"
NO_NUMBER = "contains a number that is too large"


class BeyondLimits(ValueError):
    """JSON that exceeds a limit. The message continues a sentence that begins with the field: "is nested
    …"."""


def check_text(text: str) -> None:
    """Check JSON text without parsing it. Raises ``BeyondLimits``. Does not check that it is valid JSON."""
    depth = values = strings = 0
    for token in _TOKENS.finditer(text):
        match text[token.start()]:
            case '"':
                strings += 1
            case ",":
                values += 1
            case "[" | "{":
                values += 1
                depth += 1
            case _:
                depth -= 1
        if depth > MAX_DEPTH:
            raise BeyondLimits(TOO_DEEP)
        if values > MAX_VALUES or strings > 2 * MAX_VALUES:  # a value and its name
            raise BeyondLimits(TOO_MANY)


def check_value(value: Any) -> None:
    """Check a parsed value, including aliases and cycles from YAML, and values that JSON does not have.
    Raises ``BeyondLimits``."""
    # an explicit stack: a caller could exceed Python's recursion limit
    open_parts: list[Iterator[Any]] = [iter((value,))]
    values = 0
    while open_parts:
        for part in open_parts[-1]:
            values += 1
            if values > MAX_VALUES:
                raise BeyondLimits(TOO_MANY)
            if isinstance(part, dict | list):
                if len(open_parts) > MAX_DEPTH:
                    raise BeyondLimits(TOO_DEEP)
                for name in part if isinstance(part, dict) else ():
                    _check_scalar(name)
                open_parts.append(iter(part.values() if isinstance(part, dict) else part))
                break
            _check_scalar(part)
        else:
            open_parts.pop()


def _check_scalar(value: Any) -> None:
    if isinstance(value, str):
        if not is_text(value):
            raise BeyondLimits(NO_TEXT)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise BeyondLimits(NO_NUMBER)
    elif isinstance(value, int) and value.bit_length() > _MAX_INT_BITS:
        raise BeyondLimits(NO_NUMBER)


def is_text(value: str) -> bool:
    """Whether it can be encoded: JSON can contain lone surrogates, UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
