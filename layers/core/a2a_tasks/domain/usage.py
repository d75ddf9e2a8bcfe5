"""What a task used and what that costs, estimated from a price table that the deployment configures."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

CACHE_WRITE_FACTOR = Decimal("1.25")
"""A five-minute cache write against a plain input token (Anthropic's pricing page)."""
CACHE_READ_FACTOR = Decimal("0.1")
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Price:
    """USD per million input and output tokens of one model."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True)
class Usage:
    """Tokens by kind, model turns, and their cost in USD; ``cost_usd`` is None if the price is unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    turns: int = 0
    cost_usd: Decimal | None = None

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.turns + other.turns,
            _sum_costs(self, other),
        )

    def priced(self, price: Price | None) -> "Usage":
        """The same usage with its cost; unknown prices stay unknown and are never guessed."""
        if price is None:
            return self
        input_cost = price.input * (
            self.input_tokens
            + CACHE_WRITE_FACTOR * self.cache_write_tokens
            + CACHE_READ_FACTOR * self.cache_read_tokens
        )
        cost = (input_cost + price.output * self.output_tokens) / MILLION
        return Usage(
            self.input_tokens,
            self.output_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.turns,
            round(cost, 6),
        )

    @property
    def has_tokens(self) -> bool:
        """False where the model was never reached, or refused before it read anything."""
        return bool(
            self.input_tokens or self.output_tokens or self.cache_read_tokens or self.cache_write_tokens
        )

    def to_wire(self) -> dict[str, Any]:
        """``{"inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "turns", "costUsd"?}``."""
        wire: dict[str, Any] = {
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "cacheReadTokens": self.cache_read_tokens,
            "cacheWriteTokens": self.cache_write_tokens,
            "turns": self.turns,
        }
        return wire if self.cost_usd is None else wire | {"costUsd": float(self.cost_usd)}


def _sum_costs(left: Usage, right: Usage) -> Decimal | None:
    if left == Usage():
        return right.cost_usd
    if right == Usage():
        return left.cost_usd
    if left.cost_usd is None or right.cost_usd is None:
        return None
    return left.cost_usd + right.cost_usd


def parse_prices(table: Mapping[str, Mapping[str, float]]) -> dict[str, Price]:
    """Prices by model id from ``{"model": {"input": USD, "output": USD}}``, both per million tokens.

    Raises ``KeyError`` where an entry lacks one of the two.
    """
    return {
        model: Price(Decimal(str(entry["input"])), Decimal(str(entry["output"])))
        for model, entry in table.items()
    }
