"""What a turn costs: each rule of the pricing page, worked out by hand from the amounts it gives."""

from dataclasses import replace
from decimal import Decimal

import pytest

from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.pricing.prices import Price
from a2a_tasks.domain.pricing.table import TABLE
from a2a_tasks.domain.usage import Usage

M = 1_000_000
OPUS, SONNET, HAIKU, FABLE = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"


def cost(model: str, call: ModelCall, *, in_batch: bool = False, geo: str | None = None) -> Decimal | None:
    return TABLE.cost_of(call, model, in_batch=in_batch, geo=geo)


@pytest.mark.parametrize(
    ("model", "input_usd", "output_usd", "read", "written", "written_for_an_hour"),
    [
        # USD per million tokens, as the page lists them
        (OPUS, "4", "20", "0.20", "5", "8"),
        (SONNET, "2", "10", "0.10", "2.50", "4"),
        (FABLE, "8", "40", "0.20", "10", "16"),
        ("claude-fable-5-1", "10", "50", "0.25", "12.50", "20"),
        ("claude-opus-5", "5", "25", "0.50", "6.25", "10"),
        ("claude-sonnet-5", "2", "10", "0.20", "2.50", "4"),
        ("claude-sonnet-4-6", "3", "15", "0.30", "3.75", "6"),
        (HAIKU, "0.10", "0.50", "0.01", "0.125", "0.20"),
        ("claude-haiku-4-5", "1", "5", "0.10", "1.25", "2"),
        ("claude-haiku-4-5-20251001", "1", "5", "0.10", "1.25", "2"),
        ("anthropic.claude-opus-5-5", "4", "20", "0.20", "5", "8"),
        ("anthropic.claude-sonnet-5-5", "2", "10", "0.10", "2.50", "4"),
        ("anthropic.claude-haiku-5-5", "0.10", "0.50", "0.01", "0.125", "0.20"),
    ],
)
def test_each_kind_of_token_at_its_rate(
    model: str, input_usd: str, output_usd: str, read: str, written: str, written_for_an_hour: str
) -> None:
    """Of 100,000 tokens each, which is no long prompt yet."""
    calls = {
        ModelCall(input_tokens=M // 10): input_usd,
        ModelCall(output_tokens=M // 10): output_usd,
        ModelCall(cache_read_tokens=M // 10): read,
        ModelCall(cache_write_tokens=M // 10): written,
        ModelCall(cache_write_1h_tokens=M // 10): written_for_an_hour,
    }
    assert [cost(model, call) for call in calls] == [Decimal(usd) / 10 for usd in calls.values()]


SHORT, LONG = ModelCall(100_000, M), ModelCall(100_001, M)


@pytest.mark.parametrize(
    ("call", "usd"),
    [
        (SHORT, "0.51"),
        # 100,001 × 0.5 + M × 2.5: the whole request, not what is over the limit
        (LONG, "2.5500005"),
        # what is read from the cache and written to it belongs to the prompt
        (ModelCall(1, 0, cache_read_tokens=100_000), "0.0050005"),
        (ModelCall(0, 0, cache_write_tokens=100_001), "0.062500625"),
        (ModelCall(0, 0, cache_write_1h_tokens=100_001), "0.100001"),
        (ModelCall(50_000, 0, 50_000), "0.0055"),
        # the answer does not
        (ModelCall(10, M), "0.500001"),
    ],
)
@pytest.mark.parametrize("model", [HAIKU, f"anthropic.{HAIKU}"])
def test_a_long_prompt_makes_the_whole_request_dearer(model: str, call: ModelCall, usd: str) -> None:
    assert cost(model, call) == Decimal(usd)


def test_other_models_cost_the_same_however_long_the_prompt_is() -> None:
    assert cost(OPUS, ModelCall(900_000)) == Decimal("3.6")
    assert [model for model, price in TABLE.models.items() if price.long_prompt] == [
        HAIKU,
        f"anthropic.{HAIKU}",
    ]


@pytest.mark.parametrize(
    ("model", "call", "usd"),
    [
        (OPUS, ModelCall(M, M), "12"),
        (OPUS, ModelCall(cache_read_tokens=M), "0.10"),
        (HAIKU, LONG, "1.27500025"),
    ],
)
def test_a_batch_is_half_price(model: str, call: ModelCall, usd: str) -> None:
    assert cost(model, call, in_batch=True) == Decimal(usd)


@pytest.mark.parametrize(
    ("geo", "usd"),
    [("us", "26.4"), ("global", "24"), ("not_available", "24"), (None, "24"), ("", "24")],
)
def test_inference_in_one_country_costs_a_tenth_more(geo: str | None, usd: str) -> None:
    assert cost(OPUS, ModelCall(M, M), geo=geo) == Decimal(usd)


def test_factors_multiply() -> None:
    assert cost(HAIKU, LONG, in_batch=True, geo="us") == Decimal("1.402500275")


def test_a_call_of_another_model_costs_what_that_model_does() -> None:
    assert cost(OPUS, ModelCall(M, model=SONNET)) == Decimal(2)
    assert cost(OPUS, ModelCall(M, model="claude-of-2027")) is None


def test_a_dated_name_is_the_model_that_was_asked_for() -> None:
    prices = replace(TABLE, models={"m-9": Price(Decimal(3), Decimal(15))})
    snapshot, newer = ModelCall(M, model="m-9-20270101"), ModelCall(M, model="m-9-5")
    assert prices.usage_of(Bill((snapshot,), 1), "m-9") == {"m-9": Usage(M, turns=1, cost_usd=Decimal(3))}
    assert prices.cost_of(newer, "m-9") is None


def test_an_unknown_price_is_not_guessed() -> None:
    assert cost("claude-of-2027", ModelCall(10, 10)) is None
    assert TABLE.usage_of(Bill((ModelCall(10, 10),), 1), "claude-of-2027") == {
        "claude-of-2027": Usage(10, 10, turns=1)
    }


def usage(bill: Bill, model: str = OPUS, *, in_batch: bool = False) -> Usage:
    (used,) = TABLE.usage_of(bill, model, in_batch=in_batch).values()
    return used


def test_a_search_costs_a_cent_in_a_batch_and_everywhere() -> None:
    searched = Bill((ModelCall(1_000, 100),), 1, web_searches=500, geo="us")
    tokens = Decimal("0.0066")  # 1.1 × (1,000 × 4 + 100 × 20) / M
    assert usage(searched) == Usage(1_000, 100, turns=1, web_searches=500, cost_usd=5 + tokens)
    assert usage(searched, in_batch=True).cost_usd == 5 + tokens / 2


def test_running_code_costs_the_least_time_that_is_billed() -> None:
    """Five minutes of a container at 0.05 an hour."""
    assert usage(Bill((ModelCall(1_000),), 1, code_runs=1)).cost_usd == Decimal("0.008167")


def test_a_turn_of_several_calls_is_priced_call_by_call() -> None:
    """Two prompts of 60,000 tokens are not one of 120,000."""
    assert usage(Bill((ModelCall(60_000), ModelCall(60_000)), 1), HAIKU) == Usage(
        120_000, turns=1, cost_usd=Decimal("0.012")
    )


def test_a_turn_of_two_models_counts_for_the_one_that_answered() -> None:
    declined, answered = ModelCall(1_000, 10, model=OPUS), ModelCall(1_000, 500, model=SONNET)
    assert TABLE.usage_of(Bill((declined, answered), 1, web_searches=1), OPUS) == {
        OPUS: Usage(1_000, 10, cost_usd=Decimal("0.0042")),
        SONNET: Usage(1_000, 500, turns=1, web_searches=1, cost_usd=Decimal("0.017")),
    }


def test_kinds_of_cache_writes_are_one_figure_and_two_prices() -> None:
    written = Bill((ModelCall(cache_write_tokens=100, cache_write_1h_tokens=200),), 1)
    assert usage(written) == Usage(cache_write_tokens=300, turns=1, cost_usd=Decimal("0.0021"))


def test_cost_is_exact_to_a_millionth() -> None:
    prices = replace(TABLE, models={"m": Price(Decimal(3), Decimal(15))})
    assert prices.usage_of(Bill((ModelCall(1, 1),)), "m")["m"].cost_usd == Decimal("0.000018")


def test_nothing_billed_is_nothing_used() -> None:
    assert TABLE.usage_of(Bill(), OPUS) == {}
