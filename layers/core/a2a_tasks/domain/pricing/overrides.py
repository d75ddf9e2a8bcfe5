"""A deployment's own prices, which override or extend the list prices."""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from a2a_tasks.domain.pricing.prices import LongPrompt, Price, Prices

FIELDS = {
    "input": "input",
    "output": "output",
    "cacheRead": "cache_read",
    "cacheWrite": "cache_write",
    "cacheWrite1h": "cache_write_1h",
    "batch": "batch",
}
MOST = 10_000_000
_LONG_PROMPT = "longPrompt"
_LONG_PROMPT_FIELDS = ("above", "input", "output")
_KNOWN = ", ".join((*FIELDS, _LONG_PROMPT))


class BadPrices(Exception):
    """The text is no valid price table. The message names the field and what it must be."""


def with_overrides(prices: Prices, text: str) -> Prices:
    """The prices with those of ``text`` on top.

    Args:
        prices: The list prices.
        text: JSON ``{MODEL: {"input", "output", "cacheRead", "cacheWrite", "cacheWrite1h", "batch",
            "longPrompt": {"above", "input", "output"} or null}}``. A model that has a price may omit what
            does not change. Empty: no changes.

    Raises:
        BadPrices: The text is invalid.
    """
    if not text.strip():
        return prices
    try:
        table = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except ValueError as error:
        raise BadPrices(f"is not JSON: {error}.") from None
    entries = _object("", table, 'an object such as {"claude-opus-5-5": {"input": 4, "output": 20}}')
    changed = {model: _price(model, prices.models.get(model), entry) for model, entry in entries.items()}
    return replace(prices, models={**prices.models, **changed})


def _price(model: str, listed: Price | None, entry: Any) -> Price:
    entry = _object(model, entry, 'an object such as {"input": 4, "output": 20}')
    for name in entry.keys() - FIELDS.keys() - {_LONG_PROMPT}:
        raise BadPrices(f"{model}.{name} is not known; a model's fields are {_KNOWN}.")
    given: dict[str, Any] = {
        FIELDS[name]: _amount(f"{model}.{name}", value) for name, value in entry.items() if name in FIELDS
    }
    if _LONG_PROMPT in entry:
        given["long_prompt"] = _long_prompt(f"{model}.{_LONG_PROMPT}", entry[_LONG_PROMPT])
    if listed is not None:
        return replace(listed, **given)
    for name in ("input", "output"):
        if name not in given:
            raise BadPrices(f"{model}.{name} is missing; the list has no price of {model}.")
    return Price(**given)


def _long_prompt(place: str, value: Any) -> LongPrompt | None:
    if value is None:
        return None
    shape = '{"above": 100000, "input": 0.5, "output": 2.5}'
    if not isinstance(value, dict) or value.keys() != set(_LONG_PROMPT_FIELDS):
        raise BadPrices(f"{place} must be null or an object such as {shape}.")
    above, *rates = (_amount(f"{place}.{name}", value[name]) for name in _LONG_PROMPT_FIELDS)
    return LongPrompt(int(above), *rates)


def _object(place: str, value: Any, shape: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadPrices(f"{place} must be {shape}.".lstrip())
    return value


def _amount(place: str, value: Any) -> Decimal:
    if not isinstance(value, Decimal) or not 0 <= value <= MOST:
        shown = json.dumps(value, default=float)
        raise BadPrices(f"{place} must be a number from 0 to {MOST}, not {shown}.")
    return value
