"""``a2actl prices``: the prices from which the deployment estimates costs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import typer

from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.pricing.overrides import BadPrices, with_overrides
from a2a_tasks.domain.pricing.prices import Price, Prices
from a2a_tasks.domain.pricing.table import BEDROCK_PREFIX, TABLE
from a2actl.agents.commands import AsJson
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.amount import format_usd
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import show_fields, show_json, show_table

PARAMETER = "ModelPrices"
COLUMNS = ("MODEL", "INPUT", "OUTPUT", "CACHE READ", "WRITE 5M", "WRITE 1H", "BATCH", "FROM")

app = typer.Typer()


@app.command("prices")
def show_prices(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the prices from which costs are estimated, in US dollars per million tokens."""
    with chosen_stack(context).deployment() as deployment:
        own, backend = deployment.parameters.get(PARAMETER, ""), deployment.backend
    try:
        prices = with_overrides(TABLE, own)
    except BadPrices as error:
        raise Fault(f"The stack's parameter {PARAMETER} cannot be used: {error}") from None
    models = {
        model: price
        for model, price in prices.models.items()
        if model not in TABLE.models or model.startswith(BEDROCK_PREFIX) is (backend is Backend.BEDROCK)
    }
    if as_json:
        show_json(to_json(prices, models))
        return
    show_table(COLUMNS, [row for model, price in models.items() for row in _rows(model, price)])
    typer.echo()
    show_fields(_rules(prices))


def to_json(prices: Prices, models: dict[str, Price]) -> dict[str, Any]:
    """``{"asOf", "source", "models": {MODEL: {…, "from": "list" or "ModelPrices"}}, "webSearchUsd",
    "codeExecutionUsdPerHour", "inferenceGeo"}``; a model's fields are those of ``ModelPrices``."""
    return {
        "asOf": prices.as_of.isoformat(),
        "source": prices.source,
        "models": {
            model: _price_json(price) | {"from": _from(model, price)} for model, price in models.items()
        },
        "webSearchUsd": float(prices.web_search),
        "codeExecutionUsdPerHour": float(prices.container_hour),
        "inferenceGeo": {geo: float(factor) for geo, factor in prices.geo.items()},
    }


def _price_json(price: Price) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "input": float(price.input),
        "output": float(price.output),
        "cacheRead": float(price.cache_read),
        "cacheWrite": float(price.cache_write),
        "cacheWrite1h": float(price.cache_write_1h),
        "batch": float(price.batch),
    }
    if price.long_prompt is not None:
        above, rates = price.long_prompt.above, price.long_prompt
        shown["longPrompt"] = {"above": above, "input": float(rates.input), "output": float(rates.output)}
    return shown


def _rows(model: str, price: Price) -> Iterator[tuple[str, ...]]:
    """A model's row, and one more for its long prompts."""
    yield _row(model, price, price.input, price.output, _from(model, price))
    if price.long_prompt is not None:
        name = f"{model}, prompts over {price.long_prompt.above:,}"
        yield _row(name, price, price.long_prompt.input, price.long_prompt.output, _from(model, price))


def _row(name: str, price: Price, input_usd: Decimal, output_usd: Decimal, source: str) -> tuple[str, ...]:
    cached = (price.cache_read, price.cache_write, price.cache_write_1h)
    amounts = (input_usd, output_usd, *(input_usd * factor for factor in cached))
    return (name, *(format_usd(amount) for amount in amounts), f"×{price.batch.normalize():f}", source)


def _rules(prices: Prices) -> list[tuple[str, str]]:
    hour = format_usd(prices.container_hour)
    geo = ", ".join(f"×{factor} in {geo}" for geo, factor in prices.geo.items())
    return [
        ("Web search", f"{format_usd(prices.web_search)} each; web fetch costs its tokens"),
        (
            "Code execution",
            f"{hour} per hour, counted as five minutes per turn; free in turns with web search or fetch",
        ),
        ("Inference geography", f"tokens {geo}"),
        ("List prices", f"as of {prices.as_of.isoformat()}, {prices.source}"),
    ]


def _from(model: str, price: Price) -> str:
    return "list" if TABLE.models.get(model) == price else PARAMETER
