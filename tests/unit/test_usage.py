"""Usage adds up, and costs are computed from known prices only."""

from decimal import Decimal

import pytest

from a2a_tasks.domain.usage import Price, Usage, parse_prices

PRICE = Price(Decimal(3), Decimal(15))


def test_cost_counts_each_kind_of_token_at_its_rate() -> None:
    used = Usage(1_000_000, 100_000, cache_read_tokens=2_000_000, cache_write_tokens=400_000, turns=1)
    # 3 input + 0.4 × 3 × 1.25 cache write + 2 × 3 × 0.1 cache read + 0.1 × 15 output
    assert used.priced(PRICE).cost_usd == Decimal("6.6")


def test_cost_is_exact_to_a_millionth() -> None:
    assert Usage(input_tokens=1, output_tokens=1).priced(PRICE).cost_usd == Decimal("0.000018")


def test_an_unknown_price_stays_unknown() -> None:
    assert Usage(10, 10).priced(None).cost_usd is None


def test_a_sum_has_a_cost_only_if_both_parts_have() -> None:
    known = Usage(10, 10, turns=1).priced(PRICE)
    unknown = Usage(10, 10, turns=1)
    assert (known + known).cost_usd == 2 * (known.cost_usd or 0)
    assert (known + unknown).cost_usd is None
    assert (unknown + known).cost_usd is None


def test_nothing_used_adds_nothing() -> None:
    known = Usage(10, 10, turns=1).priced(PRICE)
    assert Usage() + known == known
    assert known + Usage() == known


def test_sums_are_by_kind() -> None:
    assert Usage(1, 2, 3, 4, 5) + Usage(10, 20, 30, 40, 50) == Usage(11, 22, 33, 44, 55)


def test_on_the_wire() -> None:
    assert Usage(1, 2, 3, 4, 5).to_wire() == {
        "inputTokens": 1,
        "outputTokens": 2,
        "cacheReadTokens": 3,
        "cacheWriteTokens": 4,
        "turns": 5,
    }
    assert Usage(1, 2, cost_usd=Decimal("0.25")).to_wire()["costUsd"] == 0.25


def test_prices_are_read_without_rounding() -> None:
    assert parse_prices({"m": {"input": 0.1, "output": 0.5}}) == {"m": Price(Decimal("0.1"), Decimal("0.5"))}
    with pytest.raises(KeyError):
        parse_prices({"m": {"input": 1}})
