"""Usage adds up: by kind, by attempt and model, and with a cost only where all of it is known."""

from decimal import Decimal

from a2a_tasks.domain.usage import (
    Spent,
    Usage,
    by_attempt,
    by_model,
    spend,
    total,
    with_child,
)

KNOWN = Usage(10, 10, turns=1, cost_usd=Decimal("0.00018"))
UNKNOWN = Usage(10, 10, turns=1)


def test_a_sum_has_a_cost_only_if_both_parts_have() -> None:
    assert (KNOWN + KNOWN).cost_usd == 2 * (KNOWN.cost_usd or 0)
    assert (KNOWN + UNKNOWN).cost_usd is None
    assert (UNKNOWN + KNOWN).cost_usd is None


def test_nothing_used_adds_nothing() -> None:
    assert Usage() + KNOWN == KNOWN
    assert KNOWN + Usage() == KNOWN


def test_sums_are_by_kind() -> None:
    assert Usage(1, 2, 3, 4, 5) + Usage(10, 20, 30, 40, 50) == Usage(11, 22, 33, 44, 55)
    assert (Usage(web_searches=2) + Usage(1, web_searches=3)).web_searches == 5


def test_all_kinds_of_tokens_count() -> None:
    assert Usage(1, 20, 300, 4_000).tokens == 4_321
    assert Usage(cache_read_tokens=1).has_tokens
    assert not Usage(turns=1).has_tokens


def test_what_is_spent_is_kept_by_attempt_and_model() -> None:
    spent = spend((), 1, {"a": Usage(1, turns=1)})
    spent = spend(spent, 1, {"b": Usage(10, turns=1)})
    spent = spend(spent, 1, {"a": Usage(100, turns=1)})
    spent = spend(spent, 2, {"a": Usage(1_000, turns=1)})
    assert spent == (
        Spent(1, "a", Usage(101, turns=2)),
        Spent(1, "b", Usage(10, turns=1)),
        Spent(2, "a", Usage(1_000, turns=1)),
    )
    assert total(spent) == Usage(1_111, turns=4)
    assert by_model(spent) == {"a": Usage(1_101, turns=3), "b": Usage(10, turns=1)}
    assert by_attempt(spent) == {1: Usage(111, turns=3), 2: Usage(1_000, turns=1)}


def test_nothing_spent_makes_no_entry() -> None:
    assert spend((), 1, {"a": Usage()}) == ()
    assert total(()) == Usage()


def test_a_started_tasks_turns_are_not_mixed_with_the_tasks_own() -> None:
    child = (Spent(1, "a", Usage(5, turns=1)), Spent(2, "a", Usage(6, turns=1)), Spent(2, "b", Usage(7)))
    spent = with_child(spend((), 1, {"a": Usage(1, turns=1)}), 1, "child", child)
    spent = spend(spent, 1, {"a": Usage(2, turns=1)})
    assert spent == (
        Spent(1, "a", Usage(3, turns=2)),
        Spent(1, "a", Usage(11, turns=2), "child"),
        Spent(1, "b", Usage(7), "child"),
    )


def test_a_started_task_counts_once_however_often_it_is_added() -> None:
    own = spend((), 1, {"a": Usage(1)})
    first = with_child(own, 1, "child", (Spent(1, "a", Usage(5)),))
    again = with_child(first, 2, "child", (Spent(1, "a", Usage(8)),))
    assert total(first).tokens == 6
    assert total(again).tokens == 9
    assert total(with_child(again, 2, "other", (Spent(1, "a", Usage(1)),))).tokens == 10
