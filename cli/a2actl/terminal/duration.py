"""Durations as people write them."""

import re

from a2actl.terminal.fault import Fault

_SPAN = re.compile(r"(\d{1,15})(ms|s|m|h|d|w)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def parse_duration(text: str, option: str) -> int:
    """``500ms``, ``90s``, ``5m``, ``2h``, ``90d`` or ``4w`` in milliseconds. ``Fault`` names the option."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise Fault(f"{option} takes a number above zero with a unit, such as 90s, 5m or 90d; not {text!r}.")
    return int(match[1]) * _UNIT_MS[match[2]]


def parse_seconds(text: str, option: str) -> int:
    """The same in whole seconds. ``Fault`` names the option."""
    span = parse_duration(text, option)
    if span % 1_000:
        raise Fault(f"{option} takes whole seconds; not {text!r}.")
    return span // 1_000


def format_elapsed(seconds: float) -> str:
    """``7 s``, ``2 min 05 s`` or ``1 h 02 min``."""
    minutes, rest = divmod(int(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
