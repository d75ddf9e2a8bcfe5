"""Backoff doubles from the first delay up to the longest."""

from a2a_tasks.domain.backoff import backoff


def test_it_doubles_up_to_the_longest() -> None:
    assert [backoff(n, 60_000, 900_000) for n in range(6)] == [
        60_000,
        120_000,
        240_000,
        480_000,
        900_000,
        900_000,
    ]


def test_no_number_of_failures_is_too_many() -> None:
    assert backoff(10_000, 1.0, 900.0) == 900.0


def test_whole_numbers_stay_whole() -> None:
    assert isinstance(backoff(3, 1, 300), int)
