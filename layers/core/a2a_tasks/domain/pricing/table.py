"""List prices of Claude's models and tools. A deployment's own prices override them (``overrides.py``).

Not included: the 10 % surcharge of Bedrock's regional endpoints, which its model ids do not show; priority
tier, which is a commitment and not a price; fast mode, which tasks cannot request.
"""

from datetime import date
from decimal import Decimal

from a2a_tasks.domain.pricing.prices import LongPrompt, Price, Prices


def _price(input_usd: str, output_usd: str, cache_read: str = "0.1", long: LongPrompt | None = None) -> Price:
    return Price(Decimal(input_usd), Decimal(output_usd), Decimal(cache_read), long_prompt=long)


_CLAUDE = {
    "claude-fable-5-2": _price("8", "40", "0.025"),
    "claude-fable-5-1": _price("10", "50", "0.025"),
    "claude-fable-5": _price("10", "50"),
    "claude-opus-5-5": _price("4", "20", "0.05"),
    "claude-opus-5": _price("5", "25"),
    "claude-opus-4-8": _price("5", "25"),
    "claude-opus-4-7": _price("5", "25"),
    "claude-opus-4-6": _price("5", "25"),
    "claude-opus-4-5": _price("5", "25"),
    "claude-sonnet-5-5": _price("2", "10", "0.05"),
    "claude-sonnet-5": _price("2", "10"),
    "claude-sonnet-4-6": _price("3", "15"),
    "claude-sonnet-4-5": _price("3", "15"),
    "claude-haiku-5-5": _price("0.1", "0.5", long=LongPrompt(100_000, Decimal("0.5"), Decimal("2.5"))),
    "claude-haiku-4-5": _price("1", "5"),
}
_DATED = {
    "claude-opus-4-5-20251101": "claude-opus-4-5",
    "claude-sonnet-4-5-20250929": "claude-sonnet-4-5",
    "claude-haiku-4-5-20251001": "claude-haiku-4-5",
}
BEDROCK_PREFIX = "anthropic."
_ALL = _CLAUDE | {dated: _CLAUDE[model] for dated, model in _DATED.items()}

TABLE = Prices(
    # Claude on AWS has the API's ids, Bedrock its own; both have its prices
    models=_ALL | {BEDROCK_PREFIX + model: price for model, price in _ALL.items()},
    as_of=date(2026, 11, 10),
    source="https://platform.claude.com/docs/en/about-claude/pricing",
    web_search=Decimal("0.01"),
    container_hour=Decimal("0.05"),
    geo={"us": Decimal("1.1")},
)
