"""Cost of turns by the rules of Anthropic's pricing page. All amounts are US dollars."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.usage import Usage

MILLION = Decimal(1_000_000)
CODE_RUN_HOURS = Decimal(5) / 60
"""Minimum container time billed for code execution."""


@dataclass(frozen=True)
class LongPrompt:
    """Prices per million tokens of a request whose prompt has more than ``above`` tokens."""

    above: int
    input: Decimal
    output: Decimal


@dataclass(frozen=True)
class Price:
    """Prices of one model: ``input`` and ``output`` per million tokens; the other fields are factors."""

    input: Decimal
    output: Decimal
    cache_read: Decimal = Decimal("0.1")
    """Factor of ``input``."""
    cache_write: Decimal = Decimal("1.25")
    """Factor of ``input``, for the five-minute cache."""
    cache_write_1h: Decimal = Decimal(2)
    """Factor of ``input``, for the one-hour cache."""
    batch: Decimal = Decimal("0.5")
    """Factor of all tokens in a Message Batch."""
    long_prompt: LongPrompt | None = None

    def cost_of(self, call: ModelCall) -> Decimal:
        """Cost of one call outside a batch."""
        rates = self._rates(call.prompt_tokens)
        weighted_input = (
            call.input_tokens
            + self.cache_read * call.cache_read_tokens
            + self.cache_write * call.cache_write_tokens
            + self.cache_write_1h * call.cache_write_1h_tokens
        )
        return (rates.input * weighted_input + rates.output * call.output_tokens) / MILLION

    @property
    def dearest_output(self) -> Decimal:
        """Highest price of a million output tokens, whatever the prompt."""
        return max(self.output, self.long_prompt.output) if self.long_prompt else self.output

    def _rates(self, prompt_tokens: int) -> "Price | LongPrompt":
        is_long = self.long_prompt is not None and prompt_tokens > self.long_prompt.above
        return self.long_prompt if is_long and self.long_prompt else self


@dataclass(frozen=True)
class Prices:
    """The prices of a deployment."""

    models: Mapping[str, Price]
    as_of: date
    """When ``source`` was read."""
    source: str
    web_search: Decimal
    """One search."""
    container_hour: Decimal
    """One hour of a code execution container."""
    geo: Mapping[str, Decimal]
    """Factors of all tokens by ``inference_geo``."""

    def cost_of(
        self, call: ModelCall, model: str, *, in_batch: bool = False, geo: str | None = None
    ) -> Decimal | None:
        """Cost of one call, for its own model or else ``model``. None if that price is unknown; it is
        never guessed."""
        price = self.models.get(_used(call, model))
        # a guess could not enforce a limit, and would look like a real price
        if price is None:
            return None
        factor = self.geo.get(geo or "", Decimal(1)) * (price.batch if in_batch else 1)
        return factor * price.cost_of(call)

    def usage_of(self, bill: Bill, model: str, *, in_batch: bool = False) -> dict[str, Usage]:
        """Usage and cost of a turn for which ``model`` was requested, by the model actually used. The turn
        itself and its tools count for the model of the last call, which answered."""
        used: dict[str, Usage] = {}
        for call in bill.calls:
            cost = self.cost_of(call, model, in_batch=in_batch, geo=bill.geo)
            name = _used(call, model)
            used[name] = used.get(name, Usage()) + _tokens(call, cost)
        if bill != Bill():
            answered = _used(bill.calls[-1], model) if bill.calls else model
            used[answered] = used.get(answered, Usage()) + self._turn(bill)
        return {name: _rounded(usage) for name, usage in used.items()}

    def _turn(self, bill: Bill) -> Usage:
        """The turn itself and its tools, whose prices do not depend on batch or region."""
        cost = self.web_search * bill.web_searches + self.container_hour * CODE_RUN_HOURS * bill.code_runs
        return Usage(turns=bill.turns, cost_usd=cost, web_searches=bill.web_searches)


def _used(call: ModelCall, asked: str) -> str:
    """The model of a call: the requested one, also if reported by its dated id, or another."""
    if call.model is None:
        return asked
    date_of_snapshot = call.model.removeprefix(f"{asked}-")
    return asked if len(date_of_snapshot) == 8 and date_of_snapshot.isdecimal() else call.model


def _tokens(call: ModelCall, cost: Decimal | None) -> Usage:
    return Usage(
        call.input_tokens,
        call.output_tokens,
        call.cache_read_tokens,
        call.cache_write_tokens + call.cache_write_1h_tokens,
        cost_usd=cost,
    )


def _rounded(usage: Usage) -> Usage:
    return usage if usage.cost_usd is None else replace(usage, cost_usd=round(usage.cost_usd, 6))
