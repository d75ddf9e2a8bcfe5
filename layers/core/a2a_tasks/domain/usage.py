"""What a task used and what that costs, estimated from a price table that the deployment configures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

CACHE_WRITE_FACTOR = Decimal("1.25")
"""A five-minute cache write against a plain input token (Anthropic's pricing page)."""
CACHE_READ_FACTOR = Decimal("0.1")
BATCH_FACTOR = Decimal("0.5")
"""A Message Batch against the same requests one by one (Anthropic's pricing page)."""
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Price:
    """USD per million input and output tokens of one model; ``batch_factor`` is what is paid of them in a
    Message Batch."""

    input: Decimal
    output: Decimal
    batch_factor: Decimal = BATCH_FACTOR


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

    def priced(self, price: Price | None, *, in_batch: bool = False) -> "Usage":
        """The same usage with its cost; unknown prices stay unknown and are never guessed."""
        if price is None:
            return self
        factor = price.batch_factor if in_batch else 1
        input_cost = price.input * (
            self.input_tokens
            + CACHE_WRITE_FACTOR * self.cache_write_tokens
            + CACHE_READ_FACTOR * self.cache_read_tokens
        )
        cost = factor * (input_cost + price.output * self.output_tokens) / MILLION
        return Usage(
            self.input_tokens,
            self.output_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.turns,
            round(cost, 6),
        )

    @property
    def tokens(self) -> int:
        """All of them, cached ones too."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def has_tokens(self) -> bool:
        """False where the model was never reached, or refused before it read anything."""
        return self.tokens > 0

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


@dataclass(frozen=True)
class Spent:
    """What one attempt used of one model: its own turns, or, with ``task_id``, a task that it started."""

    attempt: int
    model: str
    usage: Usage
    task_id: str | None = None


def spend(spent: tuple[Spent, ...], attempt: int, model: str, usage: Usage) -> tuple[Spent, ...]:
    """The same with so much more."""
    if usage == Usage():
        return spent
    for n, entry in enumerate(spent):
        if (entry.attempt, entry.model, entry.task_id) == (attempt, model, None):
            return (*spent[:n], Spent(attempt, model, entry.usage + usage), *spent[n + 1 :])
    return (*spent, Spent(attempt, model, usage))


def with_child(
    spent: tuple[Spent, ...], attempt: int, task_id: str, child: tuple[Spent, ...]
) -> tuple[Spent, ...]:
    """The same with what a started task has spent; adding it again changes nothing."""
    others = tuple(entry for entry in spent if entry.task_id != task_id)
    return others + tuple(Spent(attempt, model, usage, task_id) for model, usage in by_model(child).items())


def total(spent: Iterable[Spent]) -> Usage:
    return sum((entry.usage for entry in spent), Usage())


def by_model(spent: Iterable[Spent]) -> dict[str, Usage]:
    sums: dict[str, Usage] = {}
    for entry in spent:
        sums[entry.model] = sums.get(entry.model, Usage()) + entry.usage
    return sums


def by_attempt(spent: Iterable[Spent]) -> dict[int, Usage]:
    sums: dict[int, Usage] = {}
    for entry in spent:
        sums[entry.attempt] = sums.get(entry.attempt, Usage()) + entry.usage
    return sums


def parse_prices(table: Mapping[str, Mapping[str, float]]) -> dict[str, Price]:
    """Prices by model id from ``{"model": {"input": USD, "output": USD, "batch"?: factor}}``, both per
    million tokens.

    Raises ``KeyError`` where an entry lacks one of the two.
    """
    return {
        model: Price(
            Decimal(str(entry["input"])),
            Decimal(str(entry["output"])),
            Decimal(str(entry["batch"])) if "batch" in entry else BATCH_FACTOR,
        )
        for model, entry in table.items()
    }
