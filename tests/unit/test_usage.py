"""Usage adds up, and costs are computed from known prices only."""

from decimal import Decimal

import pytest

from a2a_tasks.domain.usage import (
    Price,
    Spent,
    Usage,
    by_attempt,
    by_model,
    parse_prices,
    spend,
    total,
    with_child,
)

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


def test_in_a_batch_everything_costs_half_or_what_the_table_says() -> None:
    used = Usage(1_000_000, 100_000, cache_read_tokens=2_000_000, cache_write_tokens=400_000, turns=1)
    assert used.priced(PRICE, in_batch=True).cost_usd == Decimal("3.3")
    dear = Price(Decimal(3), Decimal(15), batch_factor=Decimal("0.8"))
    assert used.priced(dear, in_batch=True).cost_usd == Decimal("5.28")
    assert used.priced(dear).cost_usd == Decimal("6.6")


def test_a_batch_price_is_read_from_the_table() -> None:
    prices = parse_prices({"m": {"input": 1, "output": 2, "batch": 0.4}, "n": {"input": 1, "output": 2}})
    assert (prices["m"].batch_factor, prices["n"].batch_factor) == (Decimal("0.4"), Decimal("0.5"))


def test_all_kinds_of_tokens_count() -> None:
    assert Usage(1, 20, 300, 4_000).tokens == 4_321
    assert Usage(cache_read_tokens=1).has_tokens
    assert not Usage(turns=1).has_tokens


def test_what_is_spent_is_kept_by_attempt_and_model() -> None:
    spent = spend((), 1, "a", Usage(1, turns=1))
    spent = spend(spent, 1, "b", Usage(10, turns=1))
    spent = spend(spent, 1, "a", Usage(100, turns=1))
    spent = spend(spent, 2, "a", Usage(1_000, turns=1))
    assert spent == (
        Spent(1, "a", Usage(101, turns=2)),
        Spent(1, "b", Usage(10, turns=1)),
        Spent(2, "a", Usage(1_000, turns=1)),
    )
    assert total(spent) == Usage(1_111, turns=4)
    assert by_model(spent) == {"a": Usage(1_101, turns=3), "b": Usage(10, turns=1)}
    assert by_attempt(spent) == {1: Usage(111, turns=3), 2: Usage(1_000, turns=1)}


def test_nothing_spent_makes_no_entry() -> None:
    assert spend((), 1, "a", Usage()) == ()
    assert total(()) == Usage()


def test_a_started_tasks_turns_are_not_mixed_with_the_tasks_own() -> None:
    child = (Spent(1, "a", Usage(5, turns=1)), Spent(2, "a", Usage(6, turns=1)), Spent(2, "b", Usage(7)))
    spent = with_child(spend((), 1, "a", Usage(1, turns=1)), 1, "child", child)
    spent = spend(spent, 1, "a", Usage(2, turns=1))
    assert spent == (
        Spent(1, "a", Usage(3, turns=2)),
        Spent(1, "a", Usage(11, turns=2), "child"),
        Spent(1, "b", Usage(7), "child"),
    )


def test_a_started_task_counts_once_however_often_it_is_added() -> None:
    own = spend((), 1, "a", Usage(1))
    first = with_child(own, 1, "child", (Spent(1, "a", Usage(5)),))
    again = with_child(first, 2, "child", (Spent(1, "a", Usage(8)),))
    assert total(first).tokens == 6
    assert total(again).tokens == 9
    assert total(with_child(again, 2, "other", (Spent(1, "a", Usage(1)),))).tokens == 10
